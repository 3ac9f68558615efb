"""A small model with image and audio bridges, requests to it, and what became of them."""

import random

import torch
from transformers import LlamaConfig

from macaw_cli.config.bridges.linear import LinearBridgeSettings
from macaw_cli.inference.requests import EndEvent, GenerationRequest, TokenEvent
from macaw_cli.inference.sampling import GREEDY
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.modeling import MacawForConditionalGeneration

SHAPES = {"image": (3, 8), "audio": (2, 8)}


def model_with(llm=None):
    """With an LLM of this configuration; tokens differ from each other, so that a wrong position shows."""
    torch.manual_seed(0)
    llm = llm or LlamaConfig(
        vocab_size=300, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256,
    )  # fmt: skip
    made = MacawForConditionalGeneration.build(MacawConfig.for_llm(llm, LinearBridgeSettings(), SHAPES), None).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(3.0) if parameter.dim() > 1 else None
    return made


def prompt(model, *pieces):
    """Ids of a row: numbers stand for themselves, a modality for its whole block."""
    ids = []
    for piece in pieces:
        if piece in SHAPES:
            opening, closing = model.config.begin_end_ids[piece]
            ids += [opening, *[model.config.soft_token_ids[piece]] * SHAPES[piece][0], closing]
        else:
            ids.append(piece)
    return ids


def image(seed):
    return torch.randn(SHAPES["image"], generator=torch.Generator().manual_seed(seed))


def tokens_of(events):
    found = {}
    for event in events:
        if isinstance(event, TokenEvent):
            found.setdefault(event.number, []).append(event.token)
    return [found[number] for number in sorted(found)]


def requests_of(model, **more):
    options = {"sampling": GREEDY, "max_new_tokens": 8, **more}
    return [
        GenerationRequest(prompt=prompt(model, 1, "image", 5), features={"image_features": [image(1)]}, **options),
        GenerationRequest(prompt=[1, 7, 8, 9], **options),
        GenerationRequest(
            prompt=prompt(model, 1, 4, "image", "image", 6),
            features={"image_features": [image(2), image(3)]}, **options,
        ),
    ]  # fmt: skip


def answered(batch, requests, seed=0):
    """Tokens of every answer, where the requests come a few at a time while others are answered."""
    draw, waiting, events = random.Random(seed), list(requests), []
    while waiting or not batch.idle:
        for _ in range(draw.randrange(3)):
            if waiting:
                batch.add(waiting.pop(0))
        events += batch.step()
    assert sum(isinstance(event, EndEvent) for event in events) == len(requests)
    return tokens_of(events)


def alone(engine, requests):
    return [tokens_of(engine.generate([request]))[0] for request in requests]
