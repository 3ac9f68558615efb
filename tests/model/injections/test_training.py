"""Every injection: its gradients, with recomputation and beside an adapter of the LLM."""

import re

import pytest
import torch
from every_injection import (
    ATOL,
    assert_recomputation_changes_no_gradient,
    cached,
    call,
    conversation,
    every_injection,
)

from macaw_cli.config.training_settings import AdapterSettings
from macaw_cli.training.tuning.adapters import add_adapter

WITHOUT_EFFECT = {"deepstack": "mergers.video", "plora": r"layers\.1\.(?!self_attn_[kv])"}
"""Name to parameters on which no prediction depends: in the last layer, text reads keys and values of media alone."""


@every_injection
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")  # PEFT asks for it
def test_an_adapter_of_the_llm_is_trained_beside_it(tiny, model):
    pytest.importorskip("peft")
    ids = tiny.sequence(model.config, 1, "image", 5, 6, 7)
    images = tiny.features("image")
    before = call(model, [ids], images).logits
    own = {name for name, _ in model.injection.named_parameters()}
    add_adapter(model.language_model, AdapterSettings(kind="lora", rank=2), seed=0)
    assert torch.allclose(call(model, [ids], images).logits, before, atol=ATOL)
    adapter = model.trainable_groups()["llm"]
    with torch.no_grad():
        for parameter in adapter.values():
            parameter.normal_(std=0.2)
    assert not torch.allclose(call(model, [ids], images).logits, before, atol=1e-3)
    prompt, more = conversation(tiny, model)
    whole = call(model, [[*prompt, 7, 8, *more]], images * 2).logits[0]
    assert torch.allclose(cached(model, prompt, more, images * 2), whole, atol=ATOL)
    assert_recomputation_changes_no_gradient(model.train(), ids, images)
    assert all(parameter.grad is not None for parameter in adapter.values())
    assert {name for name, _ in model.injection.named_parameters()} == own


@every_injection
@pytest.mark.parametrize("count", [0, 1])
def test_gradients_reach_every_parameter_with_and_without_media_and_with_recomputation(tiny, name, model, count):
    ids = tiny.sequence(model.config, 1, *["image"] * count, 5, 6, 7)
    found = assert_recomputation_changes_no_gradient(model.train(), ids, tiny.features("image", count))
    if count:
        of_image = {name: gradient for name, gradient in found.items() if not name.startswith(("audio", "video"))}
        without = [name for name, gradient in of_image.items() if not gradient.any()]
        assert [one for one in without if not re.match(WITHOUT_EFFECT.get(name, "$"), one)] == []
