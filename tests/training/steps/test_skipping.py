"""Steps that are no numbers change nothing, at every ZeRO stage; they are counted, and too many end the run."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_world import make_workspace, make_world

from macaw_cli.basics.errors import InputError
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.training.checkpoints.folder import checkpoints, read_progress
from macaw_cli.training.data.epoch_plan import PlannedStep
from macaw_cli.training.job import read_summary
from macaw_cli.training.run import train
from macaw_cli.training.run_folder import RunFolder
from macaw_cli.training.steps.engine import Update
from macaw_cli.training.steps.progress import Progress
from macaw_cli.training.steps.skipping import SkippedSteps
from macaw_cli.training.steps.step import StepResult


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory):
    """A world in which the features of one image are not numbers."""
    world = make_world(tmp_path_factory.mktemp("poisoned-world"))
    dataset = TrainingDataset(world / "dataset")
    row = next(row for row in dataset.conversations("train") if row.kind == "image/colour")
    ref = row.media[0]
    with (world / "dataset" / ref.shard).open("r+b") as shard:
        values = np.full(ref.shape, np.nan, np.float16).tobytes()
        shard.seek(ref.offset + ref.nbytes - len(values))
        shard.write(values)
    assert np.isnan(TrainingDataset(world / "dataset").features(ref)).all()
    return world


def rows_of(space):
    rows = [json.loads(line) for line in (space.root / "runs" / "linear-1" / "metrics.jsonl").read_text().splitlines()]
    return [row for row in rows if "skipped" in row]


def tensors(content, prefix=""):
    """Every tensor in nested dicts and lists, by its path."""
    if isinstance(content, torch.Tensor):
        return {prefix: content}
    if not isinstance(content, dict | list | tuple):
        return {}
    found = {}
    for key, value in content.items() if isinstance(content, dict) else enumerate(content):
        found |= tensors(value, f"{prefix}/{key}")
    return found


def saved_tensors(checkpoint):
    return {
        f"{file.name}{name}": value
        for file in sorted(checkpoint.glob("*.pt"))
        for name, value in tensors(torch.load(file, weights_only=False)).items()
    }


SLOW = pytest.mark.slow
WAYS = [
    (0, "fp32", False), (2, "fp32", False), (3, "bf16", False),
    *(pytest.param(*way, marks=SLOW) for way in [(0, "bf16", False), (1, "bf16", False), (2, "bf16", True)]),
    pytest.param(3, "fp32", True, marks=SLOW),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "precision", "offload"), WAYS)
def test_a_step_that_is_no_number_changes_no_weight_and_no_optimizer_state(
    poisoned, tmp_path, capfd, stage, precision, offload
):
    settings = {"zero_stage": stage, "precision": precision, "offload": offload}
    space = make_workspace(poisoned, tmp_path, max_steps=6, checkpoint_every=1, keep_checkpoints=9, **settings)
    train(space)
    skipped = [row["step"] for row in rows_of(space) if row["skipped"]]
    assert skipped
    assert all((row["loss"] is None) == (row["step"] in skipped) for row in rows_of(space))
    saved = {int(path.name[-8:]): path for path in checkpoints(space.root / "runs" / "linear-1" / "checkpoints")}
    for step in range(2, 7):
        before, after = saved_tensors(saved[step - 1]), saved_tensors(saved[step])
        assert len(before) > 10
        unchanged = before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
        assert unchanged == (step in skipped)
    assert read_progress(saved[6]).skipped == read_summary(RunFolder(saved[6].parents[1])).skipped_steps == len(skipped)
    told = capfd.readouterr().err
    assert f"step {skipped[0]} is skipped: the loss was nan for " in told
    assert "(1 of at most 10)" in told


def test_one_more_than_may_be_skipped_ends_the_run_and_resume_still_counts(poisoned, tmp_path):
    settings = {"epochs": 3, "max_steps": 18, "checkpoint_every": 1, "max_skipped_steps": 1}
    with pytest.raises(InputError, match=r"\d+.*begin_end_tokens.*2"):
        train(make_workspace(poisoned, tmp_path, **settings))
    with pytest.raises(InputError, match=r"2.*training\.max_skipped_steps"):
        train(make_workspace(poisoned, tmp_path, **settings), resume=True)
    assert train(make_workspace(poisoned, tmp_path, **settings | {"max_skipped_steps": 9}), resume=True).steps == 18


@SLOW
def test_all_ranks_skip_the_step_in_which_one_of_them_has_no_number(poisoned, tmp_path):
    alone = make_workspace(poisoned, tmp_path / "alone", max_steps=4)
    train(alone)
    together = make_workspace(poisoned, tmp_path / "together", max_steps=4, zero_stage=2)
    train(together, cpu_processes=2)
    expected, found = rows_of(alone), rows_of(together)
    assert [row["skipped"] for row in found] == [row["skipped"] for row in expected]
    assert [row["batch_hash"] for row in found] == [row["batch_hash"] for row in expected]
    for one, other in zip(expected, found, strict=True):
        assert other["loss"] == (None if one["loss"] is None else pytest.approx(one["loss"], abs=1e-5))


class Names:
    """Stands for the reader: conversation 7 is called c7."""

    def names(self, sequence):
        return [f"c{number}" for number in sequence]


PLANNED = PlannedStep(sequences=((1, 2), (3,), ()), tokens=9, supervised_tokens=3)


def skipped(losses, norms, *, lowers_scale=False, allowed=5):
    result = StepResult(losses, [0, 0, 0], Update(norms, lowers_scale), stopped=False)
    return SkippedSteps(Names(), allowed).count(Progress(step=8, skipped=1), result, PLANNED, saved_step=0).skipped


def test_gradients_that_are_no_numbers_are_told_by_group(capsys):
    assert skipped([1.0, 2.0, 0.0], {"bridge": float("inf"), "llm": 0.5}) == 2
    assert "step 8 is skipped: the gradient norm of bridge was inf (2 of at most 5)" in capsys.readouterr().err


def test_the_conversations_of_a_packed_sequenceed_sequence_without_a_loss_are_named(capsys):
    assert skipped([1.0, float("inf"), 0.0], {"bridge": float("nan")}) == 2
    assert "the loss was inf for c3, so the gradients of bridge were non-finite" in capsys.readouterr().err


def test_the_search_for_a_loss_scale_does_not_end_a_run_but_a_bad_loss_does(capsys):
    assert skipped([1.0, 2.0, 0.0], {"llm": float("inf")}, lowers_scale=True, allowed=1) == 1
    assert not capsys.readouterr().err
    with pytest.raises(InputError, match=r"8.*c1.*c2"):
        skipped([float("nan"), 2.0, 0.0], {"llm": float("nan")}, lowers_scale=True, allowed=1)


def test_of_many_skipped_steps_the_first_are_told_and_the_suspects_at_the_end(capsys):
    counted, progress = SkippedSteps(Names(), 6), Progress(step=0)
    bad = StepResult([1.0, float("nan"), 0.0], [0, 0, 0], Update({"llm": float("nan")}), stopped=False)
    for step in range(1, 7):
        progress = counted.count(replace(progress, step=step), bad, PLANNED, saved_step=0)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 4 and "from now on such steps are only counted" in told[-1]
    with pytest.raises(InputError, match=r"c3.*7") as end:
        counted.count(replace(progress, step=7), bad, PLANNED, saved_step=0)
    assert "There is no checkpoint" in end.value.hint and "--resume" not in end.value.hint
    with pytest.raises(InputError) as end:
        counted.count(replace(progress, step=8), bad, PLANNED, saved_step=4)
    assert "The checkpoint of step 4 is kept: --resume with a higher training.max_skipped_steps" in end.value.hint
