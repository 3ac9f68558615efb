"""Checkpoints: whole or absent, pruned, and the last good one outlives a full disk."""

import json
import resource
from contextlib import contextmanager, nullcontext

import pytest

from macaw_cli.basics.errors import MismatchError, ResourceError
from macaw_cli.training.checkpoints import full_disk
from macaw_cli.training.checkpoints.folder import checkpoints, newest_progress
from macaw_cli.training.run import train
from macaw_cli.training.steps.engine import TrainingEngine


@pytest.fixture
def small_disk():
    """`with small_disk(bytes)`: no file of this process can become larger, the log that pytest writes to included."""

    @contextmanager
    def limit(nbytes):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limit


@pytest.mark.parametrize("stage", [0, 2])
def test_a_full_disk_during_a_checkpoint_keeps_the_last_good_one(workspace, monkeypatch, small_disk, stage):
    space = workspace(max_steps=8, zero_stage=stage)
    save, tags = TrainingEngine.save, []

    def save_on_a_small_disk(self, folder, tag):
        tags.append(tag)
        with small_disk(20_000) if len(tags) == 3 else nullcontext():
            save(self, folder, tag)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingEngine, "save", save_on_a_small_disk)
        patch.setattr(full_disk, "free_space", lambda _: 1000)
        with pytest.raises(ResourceError, match="step-00000004") as told:
            train(space)
    assert "macaw train --resume" in told.value.hint
    folder = space.root / "runs" / "linear-1" / "checkpoints"
    assert sorted(path.name for path in folder.glob("step*")) == ["step-00000002", "step-00000004"]


def test_after_a_full_disk_resume_finishes_the_run(workspace, monkeypatch):
    space = workspace(max_steps=4)
    monkeypatch.setattr(TrainingEngine, "save", _no_space)
    with pytest.raises(ResourceError, match="earlier"):
        train(space)
    monkeypatch.undo()
    assert train(space, resume=True).steps == 4


def test_where_there_is_room_a_failed_write_is_not_told_as_a_full_disk(tmp_path):
    failed = RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 14336 vs 14230")
    assert full_disk.is_failed_write(failed)
    told = str(full_disk.not_written(tmp_path, failed))
    assert "unexpected pos 14336 vs 14230 (" in told
    assert "are free there; a quota or a file limit may be the cause). There is no earlier one." in told
    assert "the disk is full" not in told
    assert "the disk is full" in str(full_disk.not_written(tmp_path, OSError(28, "No space left on device")))


def test_a_checkpoint_of_the_same_step_is_replaced_and_nothing_is_left_over(workspace):
    space = workspace(max_steps=2)
    train(space)
    run = space.root / "runs" / "linear-1"
    again = run / "checkpoints" / "step-00000002"
    (run / "summary.json").unlink()
    (again / "progress.json").rename(again / "lost.json")  # not whole any more: the run begins anew
    train(space, resume=True)
    assert not (again / "lost.json").exists()
    assert sorted(path.name for path in again.parent.iterdir()) == ["latest", "step-00000002"]


def _no_space(self, folder, tag):
    raise OSError(28, "No space left on device")


def make_checkpoint(folder, step, content=b"1234"):
    path = folder / f"step-{step:08d}"
    path.mkdir(parents=True)
    (path / "states.pt").write_bytes(content)
    progress = {"step": step, "plan": "p", "world_size": 2, "meter": {}}
    (path / "progress.json").write_text(json.dumps({"version": 1, "progress": progress, "files": {"states.pt": 4}}))
    return path


def test_the_newest_whole_checkpoint_is_taken_and_a_cut_one_is_told(tmp_path, capsys):
    make_checkpoint(tmp_path, 2)
    make_checkpoint(tmp_path, 4, content=b"12")
    (tmp_path / "step-00000006.tmp").mkdir()
    assert newest_progress(tmp_path).step == 2
    assert "step-00000004" in capsys.readouterr().err


def test_without_a_checkpoint_there_is_no_progress(tmp_path):
    assert newest_progress(tmp_path / "nothing") is None
    assert checkpoints(tmp_path) == []


def test_a_checkpoint_of_a_newer_macaw_is_refused(tmp_path):
    path = make_checkpoint(tmp_path, 2)
    content = json.loads((path / "progress.json").read_text()) | {"version": 99}
    (path / "progress.json").write_text(json.dumps(content))
    with pytest.raises(MismatchError, match="version 99"):
        newest_progress(tmp_path)
