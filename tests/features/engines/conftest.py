import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CPU_WORKERS = """
import macaw_cli.features.engines.engine_choice as choosing
choosing.gpu_devices = lambda gpus: ["cpu"] * gpus

import time
from macaw_cli.features.engines.worker_engine import WorkerEngine

def paced(jobs):
    for job in jobs:
        time.sleep(0.5)
        yield job

run = WorkerEngine.run
WorkerEngine.run = lambda self, jobs, *others: run(self, paced(jobs), *others)
"""
"""There is no GPU where the tests run: workers on the CPU stand in for those of `--gpus`.

Jobs are handed out two a second: on a busy machine one worker may start seconds after the other, and tests that kill
in the middle would otherwise come too late.
"""


@pytest.fixture
def pictures(media):
    """156 different images in `media/images`: 32 shards."""
    generator = np.random.default_rng(5)
    for number in range(149):
        pixels = generator.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(media / "pictures" / f"more-{number:03}.png")
    return media / "pictures"


@pytest.fixture
def start(tmp_path):
    """Starts `macaw extract-features media/images ...` after `preparation`, in a group of its own."""
    started = []

    def begin(preparation, *options):
        program = preparation + "\nfrom macaw_cli.main import cli\ncli()\n"
        process = subprocess.Popen(
            [sys.executable, "-c", program, "extract-features", "media/pictures", *options], cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def wait_for():
    """Waits until a condition gives something true, and returns that."""

    def wait(condition, seconds=120):
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.02)
        return found

    return wait


@pytest.fixture
def shards(tmp_path):
    """How many shards are finished."""
    return lambda: len(list((tmp_path / "features").glob("image-*.tar")))


@pytest.fixture
def below():
    """All living processes that descend from one, by id, with their command lines."""

    def children(pid):
        lists = Path(f"/proc/{pid}/task").glob("*/children")
        return [int(child) for listed in lists for child in listed.read_text().split()]

    def descendants(pid):
        found = {}
        for child in children(pid):
            found[child] = Path(f"/proc/{child}/cmdline").read_bytes().decode().replace("\0", " ")
            found |= descendants(child)
        return found

    return descendants


@pytest.fixture
def is_running():
    """Whether a process lives (a zombie does not)."""

    def look(pid):
        stat = Path(f"/proc/{pid}/stat")
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"

    return look


@pytest.fixture
def cpu_workers():
    """See `CPU_WORKERS`."""
    return CPU_WORKERS
