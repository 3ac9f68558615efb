"""`llama-adapter` and its second version: equal to what is published, and what the prompts read of the media."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from tiny_llms import LLMS
from torch import nn
from transformers import LlamaConfig, PhiConfig

from macaw_cli.basics.errors import MismatchError, UsageError
from macaw_cli.config.injections.llama_adapter import LlamaAdapterSettings
from macaw_cli.config.injections.llama_adapter_v2 import LlamaAdapterV2Settings
from macaw_cli.model.injections.visual_prompts import EncoderBlock, VisualPrompts

GOLDEN = Path(os.environ.get("MACAW_GOLDEN", Path(__file__).parents[4] / "shared" / "golden"))
VECTORS = GOLDEN / "llama_adapter_v1.safetensors"
FIRST = LlamaAdapterSettings(tokens=3)
SECOND = LlamaAdapterV2Settings(tokens=3, width=16, blocks=2, heads=2)


THEIR_NAMES = {
    "self_attn.out_proj": "attention.out", "norm1": "attention_norm", "norm2": "feed_forward_norm",
    "linear1": "feed_forward.rise", "linear2": "feed_forward.fall",
}  # fmt: skip
"""Modules of torch's encoder layer."""


def set_prompts(injection, vectors, gates):
    with torch.no_grad():
        for prompts, vector, gate in zip(injection.prompts, vectors, gates, strict=True):
            prompts.vectors.copy_(vector)
            prompts.gate.copy_(gate)


@pytest.mark.skipif(not VECTORS.is_file(), reason="golden vectors are not at hand (set MACAW_GOLDEN)")
def test_the_logits_are_those_of_the_published_code(tiny):
    vectors = load_file(VECTORS)
    with safe_open(VECTORS, "pt") as file:
        told = json.loads(file.metadata()["config"])
    sizes = {name: value for name, value in told.items() if name in LlamaConfig().to_dict()}
    settings = LlamaAdapterSettings(tokens=told["adapter_len"], layers=len(told["adapter_layers"]))
    model = tiny.model("linear", llm=LlamaConfig(**sizes), injection=settings)
    weights = {name.removeprefix("param.llm."): value for name, value in vectors.items() if ".llm." in name}
    model.language_model.load_state_dict(weights)
    set_prompts(model.injection, vectors["param.prompts"], vectors["param.gates"])
    with torch.no_grad():
        found = model(input_ids=vectors["in.input_ids"]).logits
    assert (found - vectors["out.logits"]).abs().max() <= 1e-5 * vectors["out.logits"].abs().max()


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")  # PEFT asks for it
@pytest.mark.parametrize("family", ["llama", "mistral"])
def test_logits_and_gradients_are_those_of_peft_where_all_heads_have_one_gate(tiny, family):
    peft = pytest.importorskip("peft")
    model = tiny.model("linear", llm=LLMS[family], injection=LlamaAdapterSettings(tokens=5))
    gates = (0.6, -0.9)
    set_prompts(model.injection, torch.randn(2, 5, 32), [torch.full((4,), gate) for gate in gates])
    ids = torch.randint(2, 60, (2, 7))
    logits = model(input_ids=ids).logits
    logits.square().sum().backward()
    found = [prompts.vectors.grad for prompts in model.injection.prompts]
    embeds = model.get_input_embeddings()(ids).detach()

    config = peft.AdaptionPromptConfig(adapter_len=5, adapter_layers=2, task_type="CAUSAL_LM")
    other = tiny.model("linear", llm=LLMS[family]).language_model
    other.load_state_dict(model.language_model.state_dict())
    adapted = peft.get_peft_model(other, config)
    taken = [module for module in adapted.modules() if type(module).__name__ == "AdaptedAttention"]
    with torch.no_grad():
        for attention, prompts, gate in zip(taken, model.injection.prompts, gates, strict=True):
            attention.adaption_prompt.copy_(prompts.vectors[None])
            attention.adaption_gate.fill_(gate).tanh_()
    expected = adapted(inputs_embeds=embeds, use_cache=False).logits
    expected.square().sum().backward()
    wanted = [attention.adaption_prompt.grad[0] for attention in taken]
    for one, reference in zip([logits, *found], [expected, *wanted], strict=True):
        assert (one - reference).abs().max() <= 1e-5 * reference.abs().max()


def test_only_the_upper_layers_have_prompts(tiny):
    llm = tiny.llm_config(num_hidden_layers=4)
    injection = tiny.model("linear", llm=llm, injection=LlamaAdapterSettings(layers=3)).injection
    assert len(injection.prompts) == 3
    assert [layer.self_attn.layer_idx for layer in injection.layers] == [1, 2, 3]


@pytest.mark.parametrize("llm", [LLMS["neox"], PhiConfig(**LLMS["phi"].to_dict() | {"qk_layernorm": True})])
def test_attention_whose_queries_cannot_be_read_is_refused_with_the_reason(tiny, llm):
    with pytest.raises(MismatchError, match=r"Attention|Layer"):
        tiny.model("linear", llm=llm, injection=FIRST)


def test_a_block_of_the_small_transformer_is_torchs():
    theirs = nn.TransformerEncoderLayer(
        16, 2, 64, dropout=0.0, activation="gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True
    )
    ours = EncoderBlock(16, heads=2, expansion=4)
    for parameter in theirs.parameters():
        nn.init.uniform_(parameter, -0.5, 0.5)
    weights = theirs.state_dict()
    made = {}
    for kind in ("weight", "bias"):
        parts = weights.pop(f"self_attn.in_proj_{kind}").chunk(3)
        made |= {f"attention.{name}.{kind}": part for name, part in zip(("query", "key", "value"), parts, strict=True)}
    for name, value in weights.items():
        module, _, kind = name.rpartition(".")
        made[f"{THEIR_NAMES[module]}.{kind}"] = value
    ours.load_state_dict(made)
    tokens = torch.randn(3, 7, 16)
    hidden = torch.zeros(3, 7, dtype=torch.bool)
    hidden[1, 5:] = True
    expected, found = theirs(tokens, src_key_padding_mask=hidden), ours(tokens, ~hidden)
    assert torch.allclose(found, expected, atol=1e-5)


def test_media_of_several_lengths_are_read_as_each_alone():
    torch.manual_seed(0)
    visual = VisualPrompts(12, 16, 32, queries=3, blocks=2, heads=2, expansion=2)
    media = [torch.randn(length, 12) for length in (4, 7)]
    batch = nn.utils.rnn.pad_sequence(media, batch_first=True)
    mask = torch.arange(7) < torch.tensor([[4], [7]])
    alone = torch.cat([visual(medium[None], None) for medium in media])
    assert torch.allclose(visual(batch, mask), alone, atol=1e-5)


def test_a_position_sees_the_sum_over_the_media_of_its_example_up_to_there(tiny):
    model = tiny.model("linear", injection=SECOND)
    seen = []
    model.injection.prompts[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    first = tiny.sequence(model.config, 1, "image", 5, "image", 6)
    second = tiny.sequence(model.config, 2, "image", 7)
    positions = torch.tensor([[*range(len(first)), *range(len(second))]])
    images = tiny.features("image", 3)
    with torch.no_grad():
        model(input_ids=torch.tensor([first + second]), position_ids=positions, image_features=images)
        for image in images:
            model(input_ids=torch.tensor([second]), image_features=[image])
    together, alone = seen[0], torch.cat(seen[1:])
    expected = torch.stack([alone[0], alone[0] + alone[1], alone[2]])
    assert torch.allclose(together, expected, atol=1e-5)


def test_media_are_read_once_for_all_decode_steps(tiny):
    model = tiny.model("linear", injection=SECOND)
    calls = []
    model.injection.visual.register_forward_hook(lambda *_: calls.append(1))
    ids = torch.tensor([tiny.sequence(model.config, 1, "image", 5)])
    model.generate(ids, image_features=tiny.features("image"), max_new_tokens=5, do_sample=False, eos_token_id=None)
    assert len(calls) == 1


def test_heads_that_do_not_divide_the_width_are_refused(tiny):
    with pytest.raises(UsageError, match=r"injection\.heads"):
        tiny.model("linear", injection=LlamaAdapterV2Settings(width=16, heads=3))
