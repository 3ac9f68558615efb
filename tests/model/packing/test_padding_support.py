"""Which LLMs answer rows that are padded on the left as each alone; the real LLM is asked, not only its tiny copy."""

import pytest
import torch
from tiny_llms import LLMS
from transformers import AutoModelForCausalLM, BloomConfig, FalconConfig, GemmaConfig, MambaConfig, Qwen3NextConfig

from macaw_cli.model.packing import padding_support
from macaw_cli.model.packing.padding_support import forgets_positions, padding_is_supported

SIZES = dict(vocab_size=60, hidden_size=32, num_hidden_layers=2, num_attention_heads=4)


def llm_of(config):
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).eval()


@pytest.mark.parametrize("name", sorted(LLMS))
def test_llms_with_rotary_and_learned_positions_and_windows_may_be_padded(name):
    assert padding_is_supported(llm_of(LLMS[name]), 200)
    assert forgets_positions(LLMS[name]) == (name in {"mistral-sliding", "gemma2"})


@pytest.mark.parametrize(
    "config",
    [MambaConfig(vocab_size=60, hidden_size=32, num_hidden_layers=2, state_size=4), Qwen3NextConfig(**SIZES)],
    ids=lambda config: config.model_type,
)
def test_layers_with_a_state_may_not_be_padded(config):
    with torch.device("meta"):
        llm = AutoModelForCausalLM.from_config(config)
    assert not padding_is_supported(llm, 20)


@pytest.mark.parametrize("config", [BloomConfig(**SIZES), FalconConfig(**SIZES, alibi=True)], ids=["bloom", "falcon"])
def test_what_the_tiny_copy_says_of_alibi_holds_for_the_llm_itself(config):
    llm = llm_of(config)
    rows = zip(padding_support.ROWS, padding_support.MORE, strict=True)
    with torch.no_grad():
        alone = torch.stack([padding_support._alone(llm, *row) for row in rows])
        agrees = torch.allclose(padding_support._together(llm), alone, atol=1e-4)
    assert padding_is_supported(llm, 20) == agrees


def test_an_llm_that_cannot_be_tried_is_not_padded(monkeypatch):
    monkeypatch.setattr(padding_support, "causal_lm_of", None)
    padding_support._tried.cache_clear()
    assert not padding_is_supported(llm_of(GemmaConfig(**SIZES, intermediate_size=48, head_dim=8)), 20)
    padding_support._tried.cache_clear()
