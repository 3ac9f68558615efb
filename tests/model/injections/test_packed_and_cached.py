"""Every injection: packed examples, decoding with a cache, generation for batches and beams."""

import pytest
import torch
from every_injection import ATOL, cached, call, conversation, every_injection, packed
from small_engine import alone, answered

from macaw_cli.inference.continuous import ContinuousBatch
from macaw_cli.inference.conversation_cache import ConversationCache
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.requests import GenerationRequest, TokenEvent
from macaw_cli.inference.sampling import GREEDY
from macaw_cli.model.packing.packed_attention import use_attention


@every_injection
def test_packed_examples_see_their_own_media_only(tiny, model):
    images = tiny.features("image", 3)
    first = tiny.sequence(model.config, 1, "image", 5, "image", 6)
    second, third = [1, 8, 9], tiny.sequence(model.config, 2, 7, "image", 8)
    alone = torch.cat([
        call(model, [ids], media).logits[0]
        for ids, media in ((first, images[:2]), (second, []), (third, images[2:]))
    ])  # fmt: skip
    together = packed(model, [first, second, third], images)
    assert torch.allclose(together, alone, atol=ATOL)
    other = packed(model, [first, second, third], [*tiny.features("image", 2, seed=9), images[2]])
    begin = len(first)
    assert not torch.allclose(together[:begin], other[:begin], atol=1e-3)
    assert torch.equal(together[begin:], other[begin:])


@every_injection
def test_packed_examples_are_computed_alike_by_every_attention_kernel(tiny, model):
    rows = [tiny.sequence(model.config, 1, "image", 5, "image", 6), [1, 8, 9]]
    images = tiny.features("image", 2)
    expected = packed(model, rows, images)
    model.language_model.set_attn_implementation("eager")
    assert torch.allclose(packed(model, rows, images), expected, atol=ATOL)
    model.language_model.set_attn_implementation("sdpa")
    use_attention(model, "auto")
    assert torch.allclose(packed(model, rows, images), expected, atol=ATOL)


@every_injection
def test_cached_decoding_is_the_full_forward(tiny, model):
    prompt, more = conversation(tiny, model)
    images = tiny.features("image", 2)
    whole = call(model, [[*prompt, 7, 8, *more]], images).logits[0]
    assert torch.allclose(cached(model, prompt, more, images), whole, atol=ATOL)


@every_injection
@pytest.mark.parametrize("beams", [1, 2])
def test_generation_is_the_argmax_of_full_forwards(tiny, model, beams):
    images = tiny.features("image", 2)
    rows = [tiny.sequence(model.config, 1, "image", token) for token in (5, 6)]
    options = {"max_new_tokens": 4, "do_sample": False, "eos_token_id": None, "num_beams": beams}
    together = model.generate(torch.tensor(rows), image_features=images, **options)
    for row, image, found in zip(rows, images, together.tolist(), strict=True):
        assert found == model.generate(torch.tensor([row]), image_features=[image], **options)[0].tolist()
    if beams == 1:
        ids = list(rows[1])
        for _ in range(4):
            ids.append(int(call(model, [ids], images[1:]).logits[0, -1].argmax()))
        assert together[1].tolist() == ids


@every_injection
@pytest.mark.parametrize("beams", [1, 2])
def test_rows_with_other_numbers_of_media_behind_padding_are_answered_as_each_alone(tiny, model, beams):
    images = tiny.features("image", 3)
    rows = [tiny.sequence(model.config, 1, *pieces) for pieces in (("image", 5, "image", 6), (8, 9), ("image", 7))]
    longest = max(map(len, rows))
    ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    options = {"max_new_tokens": 4, "do_sample": False, "eos_token_id": None, "num_beams": beams}
    together = model.generate(ids, attention_mask=mask, image_features=images, **options)[:, longest:].tolist()
    for row, own, found in zip(rows, (images[:2], [], images[2:]), together, strict=True):
        assert found == model.generate(torch.tensor([row]), image_features=own, **options)[0, len(row) :].tolist()


@every_injection
def test_answers_of_several_turns_with_a_cache_are_those_without_one(tiny, model, byte_tokenizer):
    """The second turn brings a medium of its own, the third goes back to the first turn and asks something else."""
    images, engine = tiny.features("image", 2), Engine(model, byte_tokenizer, frozenset())
    first = tiny.sequence(model.config, 1, "image", 5)
    second = [*first, *ask(engine, first, images[:1]), *tiny.sequence(model.config, 6, "image", 7)]
    cache = ConversationCache()
    for prompt, media in ((first, images[:1]), (second, images), ([*second, 9, 8], images), ([*second, 11], images)):
        assert ask(engine, prompt, media, cache) == ask(engine, prompt, media)
    assert len(cache.ids) > len(second)


@every_injection
def test_answers_to_requests_that_come_and_go_are_those_of_each_alone(tiny, model, byte_tokenizer):
    engine, images = Engine(model, byte_tokenizer, frozenset()), tiny.features("image", 9)
    rows = (
        ((7, "image", 5), 6), ((8, 9), 3), (("image", "image", 4, 3), 7), (("image", 6), 2), ((5,), 5),
        ((4, "image", 5, "image"), 4),
    )  # fmt: skip
    requests = [
        GenerationRequest(
            prompt=tiny.sequence(model.config, 1, *pieces), sampling=GREEDY, max_new_tokens=limit,
            features={"image_features": [images.pop() for piece in pieces if piece == "image"]},
        )
        for pieces, limit in rows
    ]  # fmt: skip
    expected = alone(engine, requests)
    for seed in range(3):
        assert answered(ContinuousBatch(engine), requests, seed) == expected


def ask(engine, prompt, images, cache=None):
    request = GenerationRequest(
        prompt=prompt, features={"image_features": images}, sampling=GREEDY, max_new_tokens=3, cache=cache
    )
    return [event.token for event in engine.generate([request]) if isinstance(event, TokenEvent)]
