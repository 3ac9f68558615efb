"""Every injection of the table with options for a tiny LLM, and calls of models that have one."""

from itertools import chain

import pytest
import torch

from macaw_cli.config.injections.table import BUILT_IN

INJECTIONS = {row.name: row for row in BUILT_IN}
OPTIONS = {
    "deepstack": {"layers": 2},
    "gated-cross-attention": {"every": 1, "heads": 2, "head_dim": 8},
    "lavin": {"dropout": 0.0},
    "llama-adapter": {"tokens": 3, "layers": 4},
    "llama-adapter-v2": {"tokens": 3, "layers": 4, "width": 16, "blocks": 2, "heads": 2},
    "mllama-cross-attention": {"first": 0, "every": 1},
    "plora": {"rank": 4, "alpha": 8.0, "dropout": 0.1},
}
"""Name to options with which every layer of a small LLM is attached to."""
every_injection = pytest.mark.parametrize("name", sorted(INJECTIONS))
ATOL = 2e-5


def settings(name):
    return INJECTIONS[name].settings(**OPTIONS[name])


@torch.no_grad()
def opened(model):
    """The model with whatever keeps the injection closed at the start drawn at random."""
    torch.manual_seed(1)
    for parameter in model.injection.parameters():
        if not parameter.any():
            parameter.normal_(std=0.5)
    return model


@torch.no_grad()
def call(model, ids, images=(), **more):
    return model(input_ids=torch.tensor(ids), image_features=list(images), **more)


def packed(model, rows, images):
    positions = torch.tensor([[place for ids in rows for place in range(len(ids))]])
    return call(model, [[*chain(*rows)]], images, position_ids=positions).logits[0]


def cached(model, prompt, more, images):
    """Logits of a prompt with media, of two tokens one by one, and of a longer piece with further media."""
    output = call(model, [prompt], images[:1], use_cache=True)
    found = [output.logits[0]]
    for token in (7, 8):
        output = call(model, [[token]], past_key_values=output.past_key_values)
        found.append(output.logits[0])
    output = call(model, [more], images[1:], past_key_values=output.past_key_values)
    return torch.cat([*found, output.logits[0]])


def conversation(tiny, model):
    return tiny.sequence(model.config, 1, "image", 5), [9, *tiny.sequence(model.config, 4, "image", 6)]


def gradients(model, ids, images):
    """Of the injection and the bridges, after one step of supervision."""
    torch.manual_seed(2)
    model.zero_grad()
    inputs = torch.tensor([ids])
    labels = inputs.where(inputs < model.config.vocabulary_size, -100)
    model(input_ids=inputs, labels=labels, image_features=images, return_logits=False).loss.backward()
    own = {**dict(model.injection.named_parameters()), **dict(model.fusion.bridges.named_parameters())}
    return {name: parameter.grad for name, parameter in own.items()}


def assert_recomputation_changes_no_gradient(model, ids, images):
    plain = gradients(model, ids, images)
    model.activation_checkpointing_enable({"use_reentrant": False})
    again = gradients(model, ids, images)
    missing = [name for name, gradient in plain.items() if gradient is None or again[name] is None]
    assert not missing
    assert [name for name in plain if not torch.allclose(plain[name], again[name], rtol=1e-5, atol=1e-6)] == []
    return plain
