"""A training that was interrupted, however, ends with the same log and the same bytes as an undisturbed one."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from macaw_cli.config.loading import open_workspace
from macaw_cli.training.run import train

HELPER = Path(__file__).with_name("killed_training.py")


def killed_at(space, moment):
    """Train in a process of its own that dies at `moment`."""
    command = [sys.executable, str(HELPER), str(space.root), moment]
    assert subprocess.run(command, capture_output=True, timeout=120).returncode == -9


def log_of(run):
    """The rows of metrics.jsonl without times and memory."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in ("seconds", "memory")} for row in rows]


@pytest.mark.slow
def test_killed_again_and_again_it_ends_with_the_same_log_and_the_same_bytes(workspace):
    # the macaw bridge has dropout: the random numbers have to be the same as well
    settings = {"bridge": "macaw", "max_steps": 7, "evaluate_every": 3, "log_every": 3}
    undisturbed, disturbed = workspace("undisturbed", **settings), workspace("disturbed", **settings)
    train(undisturbed)
    for moment in ("before the first checkpoint", "between two sequences of a step", "during a checkpoint"):
        killed_at(disturbed, moment)
    train(disturbed, resume=True)
    one, other = undisturbed.root / "runs" / "macaw-1", disturbed.root / "runs" / "macaw-1"
    assert log_of(one) == log_of(other)
    assert (one / "model" / "model.safetensors").read_bytes() == (other / "model" / "model.safetensors").read_bytes()
    assert [path.name for path in (disturbed.root / "runs").glob("macaw-*")] == ["macaw-1"]


@pytest.mark.parametrize("stage", [0, 2, 3])
def test_a_run_that_stops_in_between_continues_at_every_zero_stage(workspace, monkeypatch, stage):
    from macaw_cli.training import session

    settings = {"max_steps": 6, "zero_stage": stage, "checkpoint_every": 4}
    undisturbed, disturbed = workspace("undisturbed", **settings), workspace("disturbed", **settings)
    train(undisturbed)

    def die(*_):
        raise ZeroDivisionError("after the last step, before the model is saved")

    with monkeypatch.context() as patch:
        patch.setattr(session, "finish_run", die)
        with pytest.raises(ZeroDivisionError):
            train(disturbed)
    newest = disturbed.root / "runs" / "linear-1" / "checkpoints" / "step-00000006"
    (newest / "mp_rank_00_model_states.pt").unlink(missing_ok=True)  # cut: the one before it has to do
    for file in newest.glob("*.pt"):
        file.unlink()
    train(disturbed, resume=True)
    one, other = undisturbed.root / "runs" / "linear-1", disturbed.root / "runs" / "linear-1"
    assert log_of(one) == log_of(other)
    assert (one / "model" / "model.safetensors").read_bytes() == (other / "model" / "model.safetensors").read_bytes()


def test_resume_without_an_unfinished_run_starts_one(workspace):
    space = workspace(max_steps=1)
    assert train(space, resume=True).run == "linear-1"
    assert train(space, resume=True).run == "linear-2"


def test_a_workspace_that_was_moved_in_between_continues(world, tmp_path, monkeypatch):
    from macaw_cli.training import session

    shutil.copytree(world, tmp_path / "here", ignore=shutil.ignore_patterns("runs"))

    def opened(name):
        return open_workspace(tmp_path / name, ["training.max_steps=2"])

    def die(*_):
        raise ZeroDivisionError("before the model is saved")

    with monkeypatch.context() as patch:
        patch.setattr(session, "finish_run", die)
        with pytest.raises(ZeroDivisionError):
            train(opened("here"))
    (tmp_path / "here").rename(tmp_path / "there")
    assert train(opened("there"), resume=True).steps == 2
    assert len(list((tmp_path / "there" / "runs").glob("*/summary.json"))) == 1
