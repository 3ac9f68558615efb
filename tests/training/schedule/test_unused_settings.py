"""What names something that is not there is told before a training."""

import pytest

from macaw_cli.training.schedule.unused_settings import unused_settings
from macaw_cli.training.training_inputs import prepare


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({}, []),
        ({"train": ["bridge", "injection"]}, ["training.train names injection"]),
        ({"stages": [{"name": "one", "train": ["bridge", "injection"]}]}, ["of the stage one names injection"]),
        ({"loss_weights": "fixed"}, ["fixed without weights"]),
        ({"loss_weights": {"mode": "fixed", "weights": {"image": 2, "series": 3, "image+audio": 1}}},
         ["names image+audio", "names series"]),
    ],
    ids=["nothing", "injection", "stage", "no weights", "other media"],
)  # fmt: skip
def test_a_setting_without_effect_is_told(workspace, training, words):
    space = workspace(**training)
    told = list(unused_settings(prepare(space), space.settings.training))
    assert len(told) == len(words)
    assert all(word in line for word, line in zip(words, told, strict=True))


def test_an_injection_that_is_there_is_no_note(workspace):
    space = workspace(train=["bridge", "injection"], injection="plora")
    assert not list(unused_settings(prepare(space), space.settings.training))
