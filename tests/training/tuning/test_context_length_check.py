"""Conversations that are longer than the LLM's positions are refused with both numbers, or told of."""

import pytest
import tiny_llms
from transformers import BloomConfig, GPT2Config, OPTConfig

from macaw_cli.basics.errors import InputError
from macaw_cli.model.positions import position_table
from macaw_cli.training.tuning.context_length_check import require_readable_lengths

LEARNED = {"gpt2", "opt", "opt-behind", "opt-projected"}


@pytest.mark.parametrize("name", tiny_llms.LLMS)
def test_only_learned_positions_end(name):
    assert position_table(tiny_llms.LLMS[name]) == (256 if name in LEARNED else None)


@pytest.mark.parametrize("name", sorted(LEARNED))
def test_what_is_longer_than_learned_positions_is_refused(name, capsys):
    require_readable_lengths(tiny_llms.LLMS[name], [5, 256])
    with pytest.raises(InputError, match=r"300 tokens.* 256 position") as told:
        require_readable_lengths(tiny_llms.LLMS[name], [5, 300])
    assert "training.max_length=256" in told.value.hint
    assert capsys.readouterr().err == ""


def test_rotary_positions_are_told_of_and_others_are_not(capsys):
    require_readable_lengths(tiny_llms.LLMS["llama"], [5, 300])
    told = capsys.readouterr().err
    assert "300" in told and "256" in told
    require_readable_lengths(BloomConfig(hidden_size=32, n_layer=1, n_head=4), [5, 100_000])
    assert capsys.readouterr().err == ""


def test_the_sizes_of_published_models_are_found():
    assert position_table(GPT2Config(n_layer=1, n_embd=64, n_head=4, vocab_size=100)) == 1024
    opt = OPTConfig(hidden_size=64, num_hidden_layers=1, num_attention_heads=4, vocab_size=100, word_embed_proj_dim=32)
    assert position_table(opt) == 2048
