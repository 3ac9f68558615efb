"""Names of a task's figures, as far as its settings tell."""

import pytest

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.tasks.base import TaskSettings
from macaw_cli.evaluation.figures.thresholds import thresholds_of
from macaw_cli.evaluation.tasks.running.expected_figures import require_known_of_tasks

TASKS = (TaskSettings(name="pope"), TaskSettings(name="mme", title="mine", conditions=("real", "told")))


@pytest.mark.parametrize(
    "name",
    ["pope.real.accuracy", "tasks.pope.conditions.real.accuracy", "pope.reliance", "mine.told.anything.n"],
)
def test_a_figure_that_a_task_may_have_is_accepted(name):
    require_known_of_tasks(thresholds_of([f"{name}=0.3"]), TASKS)


@pytest.mark.parametrize(
    ("name", "possible"),
    [
        ("reliance", r"pope\."), ("mme.real.accuracy", r"mine\."), ("pope", "swapped"),
        ("pope.told.accuracy", "real, none, swapped"), ("pope.relience", r"pope\.reliance"),
    ],
)  # fmt: skip
def test_another_is_refused_with_what_there_is(name, possible):
    with pytest.raises(UsageError, match=possible):
        require_known_of_tasks(thresholds_of([f"{name}=0.3"]), TASKS)
