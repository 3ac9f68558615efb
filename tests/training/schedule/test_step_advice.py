"""Too few or too large steps: told with values that, put into the settings, are enough."""

import math
import re
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from macaw_cli.config.presets import preset_yaml
from macaw_cli.config.training_settings import ENOUGH_STEPS
from macaw_cli.training.schedule.stages import plan_stages
from macaw_cli.training.schedule.step_advice import LARGEST_BATCH, StepFacts, step_warning, step_warnings
from macaw_cli.training.training_inputs import prepare

ONE_STEP = StepFacts(
    steps=1, examples=614, tokens=614 * 170, conversations=614, epochs=1, sequence_length=8192, global_batch_size=64
)


def planned(facts, **changes):
    """About how many steps the changed settings give."""
    changed = replace(facts, **changes)
    examples = facts.conversations * changed.epochs
    in_a_step = changed.global_batch_size * max(1.0, changed.sequence_length * facts.examples / facts.tokens)
    an_epoch = math.ceil(facts.conversations / in_a_step)
    return replace(changed, examples=math.ceil(examples), tokens=math.ceil(examples * facts.tokens / facts.examples),
                   steps=math.ceil(an_epoch * changed.epochs))  # fmt: skip


def follow(facts, advice):
    return planned(facts, **{name.removeprefix("training."): value for name, value in advice.items()})


def test_one_step_for_614_conversations_names_packed_sequences_tokens_and_epochs():
    warning = step_warning(ONE_STEP)
    assert warning.suggestion == {"training.global_batch_size": 1, "training.sequence_length": 1024}
    assert warning.alternative == {"training.epochs": 100}
    for words in ("1 optimizer step for 614 conversations", "global_batch_size to 1", "length to 1024", "to 100"):
        assert words in warning.text
    assert step_warning(follow(ONE_STEP, warning.suggestion)) is None


def test_enough_small_steps_say_nothing():
    assert step_warning(replace(ONE_STEP, steps=396, examples=396 * 9, tokens=396 * 9 * 50)) is None


def test_a_short_stage_of_a_run_with_enough_steps_says_nothing():
    stage = replace(ONE_STEP, steps=60, examples=600, tokens=600 * 50, stage="bridge")
    assert step_warning(stage) is not None
    assert step_warning(stage, few=False) is None


def test_enough_steps_that_are_too_large_are_told_with_a_smaller_number_of_packs():
    facts = StepFacts(
        steps=200, examples=16_000, tokens=16_000 * 100, conversations=400, epochs=40, sequence_length=1000,
        global_batch_size=8,
    )  # fmt: skip
    warning = step_warning(facts)
    assert warning.suggestion == {"training.global_batch_size": 4} and warning.alternative == {}
    assert "a step takes 80 of them, more than a tenth" in warning.text


def test_several_processes_keep_at_least_a_packed_sequenceed_sequence_each():
    warning = step_warning(replace(ONE_STEP, processes=8))
    assert warning.suggestion["training.global_batch_size"] == 8
    assert warning.suggestion["training.sequence_length"] < 170 * 2


def test_few_conversations_need_more_epochs_even_one_by_one():
    facts = StepFacts(
        steps=1, examples=30, tokens=3000, conversations=30, epochs=1, sequence_length=2048, global_batch_size=8
    )
    warning = step_warning(facts)
    assert warning.suggestion["training.epochs"] >= 4 and warning.suggestion["training.global_batch_size"] == 1
    assert warning.alternative == {}


def test_what_a_stage_sets_itself_is_to_be_changed_there():
    warning = step_warning(replace(ONE_STEP, stage="lora", place=1, own=frozenset({"epochs", "global_batch_size"})))
    assert warning.suggestion == {"training.stages[1].global_batch_size": 1, "training.sequence_length": 1024}
    assert warning.alternative == {"training.stages[1].epochs": 100}
    named = "global_batch_size of stage `lora` to 1", "sequence_length to 1024", "epochs of stage `lora` to 100"
    for words in named:
        assert words in warning.text


def test_the_advice_for_the_preset_small_gives_its_stages_enough_steps(workspace):
    small = yaml.safe_load(preset_yaml("small"))["training"]
    space = workspace(**small | {"max_steps": None})
    inputs = prepare(space)
    warnings = step_warnings(inputs, plan_stages(inputs, space.settings), 1, None)
    assert [warning.stage for warning in warnings] == ["bridge", "lora"]
    training = space.settings.training
    for warning in warnings:
        training = with_values(training, warning.suggestion)
    followed = plan_stages(inputs, replace(space.settings, training=training))
    assert all(len(stage.steps) >= ENOUGH_STEPS for stage in followed)
    assert step_warnings(inputs, followed, 1, None) == []


def with_values(training, suggestion):
    """The settings with the values of a suggestion, whose keys may name a stage by its place."""
    for key, value in suggestion.items():
        *_, name = key.split(".")
        if place := re.match(r"training\.stages\[(\d+)\]\.", key):
            stages = list(training.stages)
            stages[int(place[1])] = replace(stages[int(place[1])], **{name: value})
            training = replace(training, stages=tuple(stages))
        else:
            training = replace(training, **{name: min(value, getattr(training, name))})
    return training


def test_a_stage_is_called_by_its_name():
    warning = step_warning(replace(ONE_STEP, stage="align"))
    assert warning.text.startswith("Stage align has 1 ") and warning.as_json()["stage"] == "align"


@given(
    st.integers(20, 100_000), st.sampled_from([0.5, 1, 3]), st.integers(32, 500), st.sampled_from([512, 2048, 8192]),
    st.sampled_from([1, 8, 64]), st.sampled_from([1, 8]),
)  # fmt: skip
def test_whoever_follows_the_advice_has_enough_steps(conversations, epochs, mean, budget, sequences, processes):
    base = StepFacts(
        steps=1, examples=conversations, tokens=conversations * mean, conversations=conversations, epochs=epochs,
        sequence_length=budget, global_batch_size=max(sequences, processes), processes=processes,
    )  # fmt: skip
    facts = planned(base)
    warning = step_warning(facts)
    if facts.steps >= ENOUGH_STEPS and facts.examples / facts.steps <= LARGEST_BATCH * conversations:
        assert warning is None
        return
    if warning is None:
        pytest.fail("it has too few steps, and nothing is said")
    followed = follow(facts, warning.suggestion)
    assert followed.steps >= 0.9 * ENOUGH_STEPS
    if warning.alternative:
        assert follow(facts, warning.alternative).steps >= 0.9 * ENOUGH_STEPS
