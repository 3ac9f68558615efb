"""What is expected beside the steps: validations and checkpoints, counted as the loop will do them."""

import pytest

from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.planning.plan_time import times
from macaw_cli.training.schedule.stages import Stage


def stages(every, *lengths):
    settings = TrainingSettings(evaluate_every=every, precision="fp32")
    return [
        Stage(f"stage {number}", settings, [None] * length, sum(lengths[:number]))
        for number, length in enumerate(lengths)
    ]


@pytest.mark.parametrize(
    ("every", "lengths", "expected"),
    [(None, (10,), 1), (None, (10, 20), 2), (4, (10,), 3), (5, (10,), 2), (100, (10, 20), 2),
     # after 4, 8, 10 (end of the first), 12, 16, 20, 24, 28 and 30
     (4, (10, 20), 9), (5, (10, 20), 6)],
)  # fmt: skip
def test_every_so_many_steps_and_at_the_end_of_each_stage(every, lengths, expected):
    assert times(stages(every, *lengths), "evaluate_every") == expected
