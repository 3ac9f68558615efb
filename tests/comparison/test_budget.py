"""`--budget`: its form, and how many steps it comes to."""

import pytest

from macaw_cli.basics.errors import UsageError
from macaw_cli.comparison.budget import (
    Budget,
    endless,
    of_steps,
    parse_budget,
    require_no_stages,
    steps_of_minutes,
    steps_of_tokens,
)
from macaw_cli.config.training_settings import StageSettings, TrainingSettings


@pytest.mark.parametrize(("text", "amount", "unit"), [
    ("300steps", 300, "steps"), ("2_000_000 tokens", 2_000_000, "tokens"), ("0.5minutes", 0.5, "minutes"),
    ("1 Minute", 1, "minutes"),
])  # fmt: skip
def test_an_amount_has_a_unit(text, amount, unit):
    assert parse_budget(text) == Budget(amount, unit)


@pytest.mark.parametrize("text", ["300", "steps", "0steps", "-3steps", "1.5steps", "2hours", "1e9tokens", ""])
def test_another_form_is_wrong_usage(text):
    with pytest.raises(UsageError):
        parse_budget(text)


def test_a_budget_reads_as_it_was_meant():
    assert [str(parse_budget(text)) for text in ("1step", "2000000tokens", "0.5minutes")] == [
        "1 step", "2,000,000 tokens", "0.5 minutes"
    ]  # fmt: skip


def test_steps_of_tokens_stay_within_the_budget_but_are_at_least_one():
    assert steps_of_tokens([10, 10, 10], 25) == 2
    assert steps_of_tokens([10, 10, 10], 30) == 3
    assert steps_of_tokens([10, 10], 3) == 1


def test_steps_of_minutes_are_what_fits():
    assert steps_of_minutes(1, 7.0) == 8
    assert steps_of_minutes(0.01, 7.0) == 1


def test_the_epochs_suffice_for_the_steps():
    training = TrainingSettings(epochs=3.0)
    assert of_steps(200, training) == {"training.max_steps": 200, "training.epochs": 200.0}
    assert of_steps(2, training)["training.epochs"] == 3.0
    assert (endless(training, 50).max_steps, endless(training, 50).epochs) == (50, 50.0)


def test_a_recipe_has_lengths_of_its_own():
    training = TrainingSettings(stages=(StageSettings(name="one"),))
    require_no_stages(training, None)
    with pytest.raises(UsageError, match=r"training\.stages") as told:
        require_no_stages(training, Budget(3, "steps"))
    assert "training.stages=[]" in told.value.hint and "training.max_steps=N" in told.value.hint
