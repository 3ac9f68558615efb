"""Killed, stopped and out of disk: what real processes leave behind, and what the next run makes of it."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from macaw_cli.basics.atomic_files import read_jsonl
from macaw_cli.basics.errors import ResourceError
from macaw_cli.config.loading import open_workspace
from macaw_cli.features.extract import extract

COMMAND = [sys.executable, "-m", "macaw_cli", "extract-features"]


@pytest.fixture
def many_pictures(media):
    generator = np.random.default_rng(5)
    for number in range(150):
        pixels = generator.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(media / "pictures" / f"more-{number:03}.png")


def start(folder, *more, sources=("media/pictures",)):
    return subprocess.Popen([*COMMAND, *sources, *more], cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True, start_new_session=True)  # fmt: skip


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
    return found


def children_of(pid):
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return {int(child) for listed in lists for child in listed.read_text().split()}


def is_decoder(pid):
    """Whether a child has begun to be one: stopped before that, it would stop its parent, who waits for it to begin."""
    return b"decoder_process" in Path(f"/proc/{pid}/cmdline").read_bytes()


def is_running(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_killed_moved_and_typed_again_ends_with_the_same_bytes(workspace, media, many_pictures, contents, tmp_path):
    opened = workspace()
    extract(opened, ["media/pictures"])
    undisturbed = contents()
    assert len(undisturbed) > 30
    shutil.rmtree(tmp_path / "features")
    for shards, kill in ((3, os.kill), (20, os.killpg)):  # the parent alone, then everything at once
        process = start(tmp_path)
        wait_for(lambda count=shards: len(list((tmp_path / "features").glob("*.tar"))) >= count)
        decoders = children_of(process.pid)
        kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert decoders
        wait_for(lambda pids=decoders: not any(map(is_running, pids)), 10)
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("media", "features", "macaw.yaml"):
        (tmp_path / name).rename(moved / name)
    report = extract(open_workspace(moved), ["media/pictures"])
    assert 0 < report.made["image"] < 157 - 15 and contents(moved / "features") == undisturbed
    assert not [*(moved / "features").glob("*.tmp"), *(moved / "features").glob("*.partial*")]


def test_killed_in_the_middle_of_tars_it_goes_on_to_the_same_bytes(workspace, media, many_pictures, contents, tmp_path):
    pictures = sorted((media / "pictures").iterdir())
    for number in range(3):
        with tarfile.open(tmp_path / f"{number:05}.tar", "w") as tar:
            for picture in pictures[number::3]:
                tar.add(picture, picture.name)
    opened = workspace()
    extract(opened, ["{00000..00002}.tar"])
    undisturbed = contents()
    shutil.rmtree(tmp_path / "features")
    process = start(tmp_path, "{00000..00002}.tar", sources=[])
    wait_for(lambda: len(list((tmp_path / "features").glob("*.tar"))) >= 5)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    report = extract(opened, ["{00000..00002}.tar"])
    assert 0 < report.made["image"] < 157 and contents() == undisturbed
    assert extract(opened, ["{00000..00002}.tar"]).known == 157


def test_a_decoder_that_stops_for_ever_costs_one_file(workspace, media, tmp_path):
    workspace()
    process = start(tmp_path, "--set", "features.workers=1", "--set", "features.decode_timeout_s=2")
    (decoder,) = wait_for(lambda: [child for child in children_of(process.pid) if is_decoder(child)])
    os.kill(decoder, signal.SIGSTOP)  # it is there, and never answers
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    (rejected,) = read_jsonl(tmp_path / "features" / "rejects.jsonl")
    assert rejected["path"] == "media/pictures/0.png"
    assert "within 2 s and was stopped" in rejected["reason"]
    assert not is_running(decoder)


def test_a_disk_that_fills_up_loses_nothing_and_goes_on(workspace, media, contents, tmp_path, monkeypatch):
    flush = os.fsync

    def full(descriptor):
        if "image-000001.tar" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(descriptor)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not name descriptors")
    extract(workspace(), ["media"])
    whole = contents()
    shutil.rmtree(tmp_path / "features")
    refused = pytest.raises(ResourceError, match="is full")
    with monkeypatch.context() as patch, refused:
        patch.setattr(os, "fsync", full)
        extract(workspace(), ["media"])
    assert (tmp_path / "features" / "image-000000.tar").exists()
    assert not (tmp_path / "features" / "image-000001.tar").exists()
    assert extract(workspace(), ["media"]).made["image"] == 2
    assert contents() == whole


def test_ctrl_c_ends_at_once_and_leaves_no_decoder(workspace, media, many_pictures, tmp_path):
    workspace()
    process = start(tmp_path)
    wait_for(lambda: len(list((tmp_path / "features").glob("*.tar"))) >= 2)
    decoders = children_of(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 130 and "Traceback" not in told
    assert decoders and not any(map(is_running, decoders))
