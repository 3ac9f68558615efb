"""`plora`: equal to the published layer and to PEFT's LoRA, and silent at text."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from tiny_llms import LLMS

from macaw_cli.basics.errors import MismatchError, UsageError
from macaw_cli.config.injections.plora import PloraSettings
from macaw_cli.model.injections.plora import LowRank

GOLDEN = Path(os.environ.get("MACAW_GOLDEN", Path(__file__).parents[4] / "shared" / "golden"))
VECTORS = GOLDEN / "xcomposer2_plora.safetensors"
SETTINGS = PloraSettings(rank=4, alpha=8, dropout=0.0)


@torch.no_grad()
def opened(model):
    torch.manual_seed(1)
    for parameter in model.injection.parameters():
        parameter.normal_(std=0.2)
    return model


def targets(model):
    return {name for layer in model.injection.layers for name in layer}


@pytest.mark.skipif(not VECTORS.is_file(), reason="golden vectors are not at hand (set MACAW_GOLDEN)")
def test_it_computes_what_the_published_layer_does():
    vectors = load_file(VECTORS)
    with safe_open(VECTORS, "pt") as file:
        sizes = json.loads(file.metadata()["config"])
    weight = vectors["param.weight"]
    added = LowRank(weight.shape[1], weight.shape[0], PloraSettings(rank=sizes["r"], alpha=sizes["alpha"], dropout=0.0))
    added.load_state_dict(
        {"down.weight": vectors["param.Plora_A.weight"], "up.weight": vectors["param.Plora_B.weight"]}
    )
    values, at_media = vectors["in.hidden"], vectors["in.image_mask"].bool()
    with torch.no_grad():
        found = values @ weight.T + added(values, at_media)
    assert (found - vectors["out.hidden"]).abs().max() / vectors["out.hidden"].abs().max() < 1e-5


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")  # PEFT asks for it
def test_where_all_positions_are_media_it_and_its_gradients_are_pefts_lora(tiny):
    """One row that holds nothing but soft tokens, against the same LLM with an adapter of the same weights."""
    peft = pytest.importorskip("peft")
    model = opened(tiny.model("linear", injection=SETTINGS))
    ids = torch.full((1, tiny.shapes["image"][0]), model.config.soft_token_ids["image"])
    fused = model.fuse_inputs(ids, image_features=tiny.features("image"))
    embeds = fused.inputs_embeds.detach()
    found = model(inputs_embeds=embeds, bound_media=fused.media).logits
    own = list(model.injection.parameters())
    got = torch.autograd.grad(found.square().sum(), own)
    other = peft.get_peft_model(
        tiny.model("linear").language_model, peft.LoraConfig(r=4, lora_alpha=8, target_modules="all-linear")
    )
    theirs = [parameter for name, parameter in other.named_parameters() if "lora_" in name]
    with torch.no_grad():
        for parameter, value in zip(theirs, own, strict=True):
            parameter.copy_(value)
    expected = other(inputs_embeds=embeds).logits
    wanted = torch.autograd.grad(expected.square().sum(), theirs)
    for one, two in zip([found, *got], [expected, *wanted], strict=True):
        assert (one - two).abs().max() <= 1e-5 * two.abs().max()


def test_text_without_media_is_read_as_the_llm_reads_it_to_the_bit(tiny):
    model = opened(tiny.model("linear", injection=SETTINGS))
    ids = torch.tensor([[1, 5, 6, 7]])
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids).logits, model.language_model(ids).logits)


def test_targets_name_the_layers_that_are_changed(tiny):
    some = tiny.model("linear", injection=PloraSettings(rank=4, targets=("q_proj", "down_proj")))
    assert targets(some) == {"self_attn_q_proj", "mlp_down_proj"}
    assert targets(tiny.model("linear", llm=LLMS["gpt2"], injection=SETTINGS)) == {
        "attn_c_attn", "attn_c_proj", "mlp_c_fc", "mlp_c_proj",
    }  # fmt: skip
    assert targets(tiny.model("linear", llm=LLMS["phi3"], injection=SETTINGS)) == {
        "self_attn_qkv_proj", "self_attn_o_proj", "mlp_gate_up_proj", "mlp_down_proj",
    }  # fmt: skip


def test_a_target_that_the_llm_does_not_have_is_refused(tiny):
    with pytest.raises(UsageError, match="wqkv"):
        tiny.model("linear", injection=PloraSettings(targets=("q_proj", "wqkv")))


def test_an_llm_of_other_layers_is_refused(tiny):
    model = tiny.model("linear", injection=SETTINGS)
    with pytest.raises(MismatchError):
        model.injection.attach(tiny.model("linear", llm=LLMS["phi3"]).language_model)


def test_a_linear_layer_that_reads_some_positions_only_is_refused(tiny):
    model = tiny.model("linear", injection=SETTINGS)
    ids = torch.tensor([tiny.sequence(model.config, 1, "image", 5)])
    model.injection.bind(model.fuse_inputs(ids, image_features=tiny.features("image")).media, 0, (1, ids.shape[1]))
    with pytest.raises(MismatchError, match="Linear"):
        model.language_model.model.layers[0].self_attn.q_proj(torch.zeros(3, 32))
