"""Every injection of the table: unchanged at the start, saved, loaded and copied, over LLMs of many families."""

import copy
import pickle
from typing import get_args, get_type_hints

import pytest
import torch
from every_injection import (
    ATOL,
    INJECTIONS,
    assert_recomputation_changes_no_gradient,
    cached,
    call,
    conversation,
    every_injection,
    gradients,
    opened,
    settings,
)
from tiny_llms import LLMS

from macaw_cli.basics.named_objects import named_object
from macaw_cli.model.injections.injection import Injection
from macaw_cli.model.modeling import MacawForConditionalGeneration

FAMILIES = ("llama", "mistral", "mistral-sliding", "qwen2-tied", "qwen3", "gemma", "phi", "phi3", "opt", "gpt2")


def test_every_row_names_settings_and_a_class_that_are_there():
    for name, row in INJECTIONS.items():
        assert get_args(get_type_hints(row.settings)["name"]) == (name,)
        assert issubclass(named_object(row.module), Injection)


@every_injection
def test_at_initialisation_the_llms_logits_are_unchanged_to_the_bit(tiny, name):
    model = tiny.model("linear", injection=settings(name))
    ids = torch.tensor([tiny.sequence(model.config, 1, "image", 5, 6)])
    with torch.no_grad():
        fused = model.fuse_inputs(ids, image_features=tiny.features("image"))
        alone = model.language_model(inputs_embeds=fused.inputs_embeds).logits
        assert torch.equal(model(input_ids=ids, image_features=tiny.features("image")).logits, alone)


@every_injection
def test_positions_from_a_medium_on_see_it_and_none_before(tiny, model):
    ids = [tiny.sequence(model.config, 1, 5, "image", 6, 7)]
    one, other = (call(model, ids, tiny.features("image", seed=seed)).logits[0] for seed in (1, 2))
    assert torch.equal(one[:3], other[:3])
    assert all(not torch.equal(*pair) for pair in zip(one[3:], other[3:], strict=True))


@every_injection
def test_it_is_saved_and_loaded_with_the_model(tiny, model, tmp_path):
    model.save_pretrained(tmp_path)
    loaded = MacawForConditionalGeneration.from_pretrained(tmp_path).eval()
    ids = [tiny.sequence(model.config, 1, "image", 5)]
    expected = call(model, ids, tiny.features("image")).logits
    assert torch.allclose(call(loaded, ids, tiny.features("image")).logits, expected, atol=1e-6)
    assert len(model.trainable_groups()["injection"]) == len(list(model.injection.parameters())) > 0


@every_injection
def test_media_of_a_call_are_not_seen_by_the_next_or_by_the_llm_alone(tiny, model):
    text, ids = [[1, 5, 6]], tiny.sequence(model.config, 1, "image", 5, 6)
    embeds = model.get_input_embeddings()(torch.tensor(text)).detach()
    before = call(model, text).logits
    with torch.no_grad():
        bare = model.language_model(inputs_embeds=embeds).logits
    call(model, [ids], tiny.features("image"))
    gradients(model, ids, tiny.features("image"))
    assert not model.injection.is_bound
    assert torch.equal(call(model, text).logits, before)
    with torch.no_grad():
        assert torch.equal(model.language_model(inputs_embeds=embeds).logits, bare)


@every_injection
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
                         ids=["copied", "pickled"])  # fmt: skip
def test_a_copy_has_hooks_of_its_own(tiny, model, copied):
    ids, images = [tiny.sequence(model.config, 1, "image", 5)], tiny.features("image")
    before, other = call(model, ids, images).logits, copied(model)
    with torch.no_grad():
        for parameter in model.injection.parameters():
            parameter.mul_(2)
    assert not torch.allclose(call(model, ids, images).logits, before, atol=1e-3)
    assert torch.allclose(call(other, ids, images).logits, before, atol=1e-6)


@every_injection
@pytest.mark.parametrize("family", FAMILIES)
def test_it_works_over_llms_of_every_family(tiny, name, family):
    model = tiny.model("linear", llm=LLMS[family], injection=settings(name))
    ids, images = tiny.sequence(model.config, 1, "image", 5, 6), tiny.features("image")
    with torch.no_grad():
        fused = model.fuse_inputs(torch.tensor([ids]), image_features=images)
        alone = model.language_model(inputs_embeds=fused.inputs_embeds).logits
    assert torch.equal(call(model, [ids], images).logits, alone)
    opened(model)
    assert not torch.allclose(call(model, [ids], images).logits, alone, atol=1e-3)
    prompt, more = conversation(tiny, model)
    whole = call(model, [[*prompt, 7, 8, *more]], images * 2).logits[0]
    assert torch.allclose(cached(model, prompt, more, images * 2), whole, atol=ATOL)
    assert_recomputation_changes_no_gradient(model.train(), ids, images)
