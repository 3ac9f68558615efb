"""Builds that are killed at every moment at which a file gets its name, and typed again."""

import errno
import os
import shutil
import signal
import sys
import warnings
from pathlib import Path

import pytest
from fake_store import content, question, write_rows

from macaw_cli.basics.errors import InputError, ResourceError
from macaw_cli.shards.training_dataset import TrainingDataset

RENAMES_AT_MOST = 40


def killed_at_rename(number, work):
    """Run `work` in a child process that dies by SIGKILL just before its rename `number`; True if it came so far."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # no thread of ours is running
        child = os.fork()
    if child == 0:
        _die_at_rename(number)
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _die_at_rename(number):
    seen = 0

    def count(event, _):
        nonlocal seen
        if event == "os.rename":
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


@pytest.fixture
def new_bytes(tmp_path, store, build):
    """What an undisturbed build of the new source writes; a dataset of an old source is there as well."""
    write_rows(tmp_path / "old.jsonl", [question(f"{n}.png") for n in range(6)])
    write_rows(tmp_path / "new.jsonl", [question(f"{n}.png") for n in range(12)] + [question("1.mp4", "video")])
    build("jsonl:old.jsonl", out="reference-old")
    build("jsonl:new.jsonl", out="reference-new")
    return content(tmp_path / "reference-new")


def test_a_build_killed_anywhere_ends_with_the_same_bytes_and_never_shows_half_a_dataset(
    tmp_path, build, new_bytes
):
    for number in range(1, RENAMES_AT_MOST):
        out = f"d{number}"
        shutil.copytree(tmp_path / "reference-old", tmp_path / out)
        killed = killed_at_rename(number, lambda out=out: build("jsonl:new.jsonl", out=out))
        try:
            assert len(TrainingDataset(tmp_path / out)) in (6, 13)
        except InputError as error:
            assert "never finished" in error.problem
        build("jsonl:new.jsonl", out=out)
        assert content(tmp_path / out) == new_bytes
        if not killed:
            break
    assert 8 < number < RENAMES_AT_MOST - 1


def test_a_disk_that_fills_up_is_told_and_the_same_command_goes_on(tmp_path, build, new_bytes, monkeypatch):
    inputs = TrainingDataset(tmp_path / "reference-new").info["inputs"]
    building = tmp_path / "dataset" / ".building" / inputs
    flush = os.fsync

    def full(descriptor):
        if "val-000000.tar" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(descriptor)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not name descriptors")
    with monkeypatch.context() as patch, pytest.raises(ResourceError, match="is full"):
        patch.setattr(os, "fsync", full)
        build("jsonl:new.jsonl")
    assert (building / "train-000000.tar").exists()
    build("jsonl:new.jsonl")
    assert content(tmp_path / "dataset") == new_bytes
