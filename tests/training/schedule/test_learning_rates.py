"""Learning rate, number of steps and what is due when: pure functions of the step."""

import pytest

from macaw_cli.config.training_settings import GROUPS, AdapterSettings, GroupSettings, GroupsSettings, TrainingSettings
from macaw_cli.training.schedule.learning_rates import is_due, learning_rate, learning_rates, steps_in_run


def rate(step: int, total: int = 100, warmup: float = 0.1) -> float:
    return learning_rate(step, peak=2.0, total_steps=total, warmup_ratio=warmup)


def test_the_rate_rises_for_the_warm_up_and_learns_from_the_first_step():
    assert [rate(step) for step in range(3)] == pytest.approx([0.2, 0.4, 0.6])
    assert rate(9) == pytest.approx(2.0)


def test_the_rate_falls_as_a_cosine_to_nearly_zero():
    assert rate(55) == pytest.approx(1.0)
    assert rate(99) == pytest.approx(0.0, abs=1e-3)
    assert rate(100) == 0.0
    assert all(rate(step) >= rate(step + 1) for step in range(10, 99))


def test_without_warm_up_the_first_step_has_the_peak():
    assert rate(0, warmup=0.0) == 2.0


def test_the_warm_up_is_the_share_that_was_typed_not_one_step_more():
    assert rate(6, warmup=0.07) == pytest.approx(2.0)
    assert rate(7, warmup=0.07) == pytest.approx(2.0)
    assert rate(5, warmup=0.07) < 2.0


def test_a_line_falls_to_zero_and_a_constant_stays():
    line = [learning_rate(step, peak=2.0, total_steps=10, warmup_ratio=0.2, schedule="linear") for step in range(11)]
    assert line[:3] == pytest.approx([1.0, 2.0, 2.0])
    assert line[6] == pytest.approx(1.0)
    assert line[10] == 0.0
    flat = [learning_rate(step, peak=2.0, total_steps=10, warmup_ratio=0.2, schedule="constant") for step in range(11)]
    assert flat == pytest.approx([1.0] + [2.0] * 10)


def test_each_trained_group_has_its_own_rate_and_the_rest_is_the_trainings():
    own = GroupSettings(learning_rate=4.0, warmup_ratio=0.0, schedule="constant")
    training = TrainingSettings(
        train=("bridge", "llm"), learning_rate=2.0, warmup_ratio=0.1, groups=GroupsSettings(bridge=own)
    )
    assert learning_rates(0, training, 100) == pytest.approx({"bridge": 4.0, "llm": 0.2})
    assert learning_rates(55, training, 100) == pytest.approx({"bridge": 4.0, "llm": 1.0})


def test_a_fraction_of_an_epoch_takes_its_share_of_the_last_one():
    assert steps_in_run([10, 11, 12], 2.0, None) == 21
    assert steps_in_run([10, 11, 12], 2.5, None) == 27
    assert steps_in_run([10], 0.05, None) == 1
    assert steps_in_run([10, 10], 1.1, None) == 11  # as a float, 1.1 - 1 is more than a tenth
    assert steps_in_run([100] * 3, 2.07, None) == 207
    assert steps_in_run([10, 11], 2.0, 7) == 7


def test_something_is_due_at_its_interval_and_at_the_end():
    assert [step for step in range(1, 11) if is_due(step, 4, 10)] == [4, 8, 10]
    assert [step for step in range(1, 11) if is_due(step, None, 10)] == [10]


def test_a_new_bridge_learns_faster_than_the_llm_unless_told_otherwise():
    def peaks(**settings):
        training = TrainingSettings(warmup_ratio=0.0, schedule="constant", **settings)
        return learning_rates(0, training, 10)

    assert peaks() == {"bridge": 1e-3, "begin_end_tokens": 1e-3, "injection": 1e-3, "llm": 2e-5}
    assert peaks(adapter=AdapterSettings(kind="lora"))["llm"] == 2e-4
    assert peaks(learning_rate=5e-4) == dict.fromkeys(GROUPS, 5e-4)
    own = GroupsSettings(llm=GroupSettings(learning_rate=1e-6))
    assert peaks(learning_rate=5e-4, groups=own) == dict.fromkeys(GROUPS, 5e-4) | {"llm": 1e-6}
