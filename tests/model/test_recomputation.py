"""`training.gradient_checkpointing` changes memory and time, and no gradient."""

from itertools import chain

import pytest
import torch

from macaw_cli.config.injections.gated_cross_attention import GatedCrossAttentionSettings
from macaw_cli.model.packing.packed_attention import use_attention

GATED = GatedCrossAttentionSettings(name="gated-cross-attention", every=1, heads=2, head_dim=8)


def gradients(tiny, recompute, trained, attention, injection=None):
    """The loss, and every gradient by the parameter's name."""
    model = tiny.model("macaw", dropout=0.1, injection=injection)
    for gate in model.injection.parameters() if injection else ():
        if gate.shape == (1,):
            torch.nn.init.constant_(gate, 0.5)
    if recompute:
        model.activation_checkpointing_enable({"use_reentrant": False})
    use_attention(model, attention)
    if trained == "adapter":
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(0)
        settings = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False, lora_dropout=0.1)
        model.language_model = get_peft_model(model.language_model, settings)
    elif trained == "bridge":
        model.language_model.requires_grad_(False)
    model.train()
    examples = [tiny.sequence(model.config, 1, "image", 5, 6, 7), tiny.sequence(model.config, 1, "video", 8, 9)]
    ids = torch.tensor([[*chain(*examples)]])
    labels = ids.masked_fill((ids >= 60) | (ids == 1), -100)
    positions = torch.tensor([[*chain(*(range(len(one)) for one in examples))]])
    torch.manual_seed(1)
    loss = model(
        input_ids=ids, labels=labels, position_ids=positions, image_features=tiny.features("image"),
        video_features=tiny.features("video"), return_logits=False,
    ).loss  # fmt: skip
    loss.backward()
    return loss.item(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")  # PEFT asks for it
@pytest.mark.parametrize("attention", ["auto", "sdpa"])
@pytest.mark.parametrize("trained", ["everything", "adapter", "bridge"])
def test_gradients_are_the_same_whether_layers_are_computed_once_or_twice(tiny, trained, attention):
    if trained == "adapter":
        pytest.importorskip("peft")
    (loss, once), (other, twice) = (gradients(tiny, recompute, trained, attention) for recompute in (False, True))
    assert loss == other
    assert once.keys() == twice.keys()
    assert any(name.startswith("fusion.bridges.image") for name in once)
    for name, gradient in once.items():
        assert torch.allclose(gradient, twice[name], rtol=1e-5, atol=1e-7), name
    trains_llm = {name for name in once if name.startswith("language_model")}
    assert all("lora" in name for name in trains_llm) == (trained != "everything")


@pytest.mark.parametrize("trained", ["everything", "bridge"])
def test_an_injection_gives_the_same_loss_and_gradients_whether_it_is_computed_once_or_twice(tiny, trained):
    (loss, once), (other, twice) = (gradients(tiny, again, trained, "auto", GATED) for again in (False, True))
    assert loss == other
    assert once.keys() == twice.keys()
    assert sum(name.startswith("injection") for name in once) == 2 * 11
    assert any(name.startswith("fusion.bridges.image") and gradient.abs().sum() > 0 for name, gradient in once.items())
    for name, gradient in once.items():
        assert torch.allclose(gradient, twice[name], rtol=1e-5, atol=1e-7), name
