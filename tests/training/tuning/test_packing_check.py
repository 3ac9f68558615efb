"""An LLM that would mix the conversations of a packed sequence is refused, unless no sequence can hold two."""

from dataclasses import replace

import pytest
from transformers import GPTJConfig, LlamaConfig, MambaConfig

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.training.tuning.packing_check import can_hold_two, require_packable_llm

MIXING = MambaConfig(vocab_size=60, hidden_size=32, state_size=4, num_hidden_layers=2)
SETTINGS = TrainingSettings(sequence_length=16)


def test_two_fit_where_the_two_shortest_do():
    assert can_hold_two([30, 9, 7], 16)
    assert not can_hold_two([30, 9, 8], 16)
    assert not can_hold_two([8], 16)


def test_it_is_refused_before_training_with_the_way_out():
    with pytest.raises(UsageError, match="mamba causes cross-contamination") as told:
        require_packable_llm(MIXING, [30, 9, 7], SETTINGS)
    assert "--set training.sequence_length=16" in told.value.hint
    require_packable_llm(MIXING, [30, 9, 8], SETTINGS)
    with pytest.raises(UsageError, match="mamba"):
        require_packable_llm(MIXING, [30, 9, 8], replace(SETTINGS, sequence_length=17))


def test_an_llm_of_which_no_small_copy_runs_is_told_about(capsys):
    unusual = GPTJConfig(activation_function="none such")
    require_packable_llm(unusual, [5, 5], SETTINGS)
    told = " ".join(capsys.readouterr().err.split())
    assert "gptj could not be tested" in told


def test_usual_llms_are_packed_without_a_word(capsys):
    require_packable_llm(LlamaConfig(), [5, 5], SETTINGS)
    assert not capsys.readouterr().err
