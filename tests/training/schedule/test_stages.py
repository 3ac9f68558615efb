"""Recipes: what each stage's settings are, how their steps are numbered, and what one stage hands to the next."""

import json

import pytest
import torch
from safetensors.torch import load_file

from macaw_cli.config.stages import stage_settings, trained_groups
from macaw_cli.config.training_settings import GroupSettings, GroupsSettings, StageSettings, TrainingSettings
from macaw_cli.training.run import train
from macaw_cli.training.schedule.stages import plan_stages, stages_left
from macaw_cli.training.training_inputs import prepare


def weights_of(space, run="linear-1"):
    return load_file(space.root / "runs" / run / "model" / "model.safetensors")


LLM = "language_model.model.layers.0.mlp.up_proj.weight"
SLOW = pytest.mark.slow
WAYS = [(0, "fp32"), *(pytest.param(*way, marks=SLOW) for way in ((3, "bf16"), (3, "fp32"), (2, "bf16")))]
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
    assert trained_groups(training) == ("bridge", "begin_end_tokens", "injection", "llm")


def test_two_stages_train_one_after_the_other_and_count_their_steps_together(workspace, world):
    space = workspace(stages=TWO_STAGES)
    assert train(space).steps == 6
    before = load_file(world / "llm" / "model.safetensors")[LLM.removeprefix("language_model.")]
    assert not torch.equal(weights_of(space)[LLM], before)


def test_what_is_left_begins_with_the_stage_that_wrote_the_checkpoint(workspace):
    space = workspace(stages=TWO_STAGES)
    stages = plan_stages(prepare(space), space.settings)
    assert [(stage.first_step, stage.last_step) for stage in stages] == [(0, 3), (3, 6)]
    assert stages[1].trained_before == {"bridge"}
    assert {stages[0].steps[0].sequences} != {stages[1].steps[0].sequences}
    left = {step: [stage.name for stage in stages_left(stages, step)] for step in (0, 2, 3, 4, 6)}
    both = ["align", "tune"]
    assert left == {0: both, 2: both, 3: both, 4: ["tune"], 6: ["tune"]}


def train_until(space, monkeypatch, step):
    """Train, and die at the beginning of step number `step`, counted from 0; the later stages' engines included."""
    from macaw_cli.training.steps import loop

    train_step = loop.train_step

    def dies(*given, **named):
        if named["step"] == step:
            raise ZeroDivisionError
        return train_step(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "train_step", dies)
        with pytest.raises(ZeroDivisionError):
            train(space, resume=True)


@pytest.mark.parametrize(("zero_stage", "precision"), WAYS)
def test_killed_in_each_stage_and_at_their_border_it_ends_with_the_same_bytes(
    workspace, world, monkeypatch, zero_stage, precision
):
    settings = {"stages": TWO_STAGES, "zero_stage": zero_stage, "precision": precision, "keep_checkpoints": 9}
    calm, disturbed = workspace("calm", **settings), workspace("disturbed", **settings)
    train(calm)
    for step in (2, 3, 5):  # in the first stage, at the border, in the second
        train_until(disturbed, monkeypatch, step)
    train(disturbed, resume=True)
    ours, theirs = (space.root / "runs" / "linear-1" for space in (calm, disturbed))
    assert (ours / "model" / "model.safetensors").read_bytes() == (theirs / "model" / "model.safetensors").read_bytes()
    assert json.loads((theirs / "summary.json").read_text())["steps"] == 6
    checkpoints = sorted(path.name for path in (theirs / "checkpoints").glob("step-*"))
    assert [int(name[5:]) for name in checkpoints] == [2, 3, 4, 6]


@pytest.mark.parametrize("zero_stage", [0, 3])
def test_a_group_that_is_frozen_is_bit_identical_after_its_stage(workspace, world, zero_stage):
    """Also one that a stage before has trained: it differs from where it came from, so the checkpoints hold it."""
    stages = [{"name": group, "train": [group], "max_steps": 2} for group in ("bridge", "llm")]
    alone = workspace("alone", max_steps=2, zero_stage=zero_stage, train=["bridge"])
    both = workspace("both", max_steps=None, zero_stage=zero_stage, stages=stages)
    train(alone)
    train(both)
    first, last = weights_of(alone), weights_of(both)
    original = load_file(world / "llm" / "model.safetensors")[LLM.removeprefix("language_model.")]
    assert torch.equal(first[LLM], original)
    assert not torch.equal(last[LLM], original)
    bridges = [name for name in first if name.startswith("fusion.bridges.")]
    assert bridges
    assert all(torch.equal(first[name], last[name]) for name in bridges)


def test_a_bridge_trained_in_an_earlier_stage_is_in_the_checkpoints_of_the_llms_stage(workspace, monkeypatch):
    stages = [{"name": group, "train": [group], "max_steps": 2} for group in ("bridge", "llm")]
    settings = {"max_steps": None, "stages": stages, "zero_stage": 3, "checkpoint_every": 1}
    calm, disturbed = workspace("calm", **settings), workspace("disturbed", **settings)
    train(calm)
    train_until(disturbed, monkeypatch, 3)
    train(disturbed, resume=True)
    one, other = weights_of(calm), weights_of(disturbed)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_early_stopping_ends_a_stage_and_the_next_one_begins(workspace, monkeypatch):
    first = {"name": "still", "train": ["bridge"], "max_steps": 5, "learning_rate": 1e-30}
    settings = {
        "max_steps": None, "stages": [first, TWO_STAGES[1]], "early_stopping": 1, "evaluate_every": 1,
        "checkpoint_every": 100, "keep_checkpoints": 9,
    }  # fmt: skip
    calm, disturbed = workspace("calm", **settings), workspace("disturbed", **settings)
    train(calm)
    run = calm.root / "runs" / "linear-1"
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    steps = [row["step"] for row in rows if "loss" in row]
    assert steps[:3] == [1, 2, 6]  # the second validation was not better than the first
    assert (run / "checkpoints" / "step-00000005").is_dir()
    train_until(disturbed, monkeypatch, 5)
    train(disturbed, resume=True)
    one, other = weights_of(calm), weights_of(disturbed)
    assert all(torch.equal(one[name], other[name]) for name in one)
