"""Recipes: what each stage's settings are, how their steps are numbered, and what one stage hands to the next."""

import pytest
import torch
from safetensors.torch import load_file

from macaw_cli.config.training_settings import GroupSettings, GroupsSettings, StageSettings, TrainingSettings
from macaw_cli.training.run import train
from macaw_cli.training.stages import stage_settings, stages_left, trained_groups


def weights_of(space, run="linear-1"):
    return load_file(space.root / "runs" / run / "model" / "model.safetensors")


LLM = "language_model.model.layers.0.mlp.up_proj.weight"
TWO_STAGES = [
    {"name": "align", "train": ["bridge"], "max_steps": 3, "learning_rate": 1e-3},
    {"name": "tune", "train": ["bridge", "llm"], "max_steps": 3, "learning_rate": 1e-4},
]


def test_without_stages_the_training_is_one_stage_without_a_name():
    training = TrainingSettings()
    assert stage_settings(training) == [("", training)]


def test_a_stage_takes_from_the_training_what_it_leaves_open():
    training = TrainingSettings(
        learning_rate=1.0,
        warmup_ratio=0.5,
        groups=GroupsSettings(llm=GroupSettings(weight_decay=0.1, schedule="linear")),
        stages=(
            StageSettings(name="one", train=("bridge",), weight_decay=0.0),
            StageSettings(name="two", groups=GroupsSettings(llm=GroupSettings(weight_decay=0.2))),
        ),
    )
    (first, one), (second, two) = stage_settings(training)
    assert (first, second) == ("one", "two")
    assert (one.train, one.learning_rate, one.warmup_ratio, one.stages) == (("bridge",), 1.0, 0.5, ())
    assert two.train == training.train
    assert two.groups.llm == GroupSettings(weight_decay=0.2, schedule="linear")
    assert trained_groups(training) == ("bridge", "tags", "llm")


def test_two_stages_train_one_after_the_other_and_count_their_steps_together(workspace, world):
    space = workspace(stages=TWO_STAGES)
    assert train(space).steps == 6
    before = load_file(world / "llm" / "model.safetensors")[LLM.removeprefix("language_model.")]
    assert not torch.equal(weights_of(space)[LLM], before)
