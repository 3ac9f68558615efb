"""One writer per folder, tried with real processes."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from macaw_cli.basics.errors import InputError, LockedError, ResourceError
from macaw_cli.basics.locks import LOCK_NAME, folder_lock

HOLD = """
import sys, time, pathlib
from macaw_cli.basics.locks import folder_lock
sys.argv = ["macaw", "build-dataset", "--out", "x"]
with folder_lock(pathlib.Path("x")):
    {inside}
    print("locked", flush=True)
    time.sleep(60)
"""
FORK = """import os
    told, tell = os.pipe()
    child = os.fork()
    if child == 0: os.write(tell, b"x"); time.sleep(60); os._exit(0)
    os.read(told, 1)
    print(child, flush=True)"""


@contextmanager
def holder(folder, inside="pass"):
    """Another process that holds the lock of folder/x."""
    code = HOLD.format(inside=inside)
    process = subprocess.Popen([sys.executable, "-c", code], cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_second_writer_is_refused_and_told_who_the_first_is(tmp_path):
    with holder(tmp_path) as first:
        assert first.stdout.readline() == "locked\n"
        with pytest.raises(LockedError) as told, folder_lock(tmp_path / "x"):
            pass
        assert f"`macaw build-dataset --out x` (process {first.pid} on" in told.value.problem
        assert json.loads((tmp_path / "x" / LOCK_NAME).read_text())["pid"] == first.pid


def test_the_lock_of_a_killed_writer_is_free(tmp_path):
    with holder(tmp_path) as first:
        assert first.stdout.readline() == "locked\n"
        first.send_signal(signal.SIGKILL)
        first.wait()
        with folder_lock(tmp_path / "x"):
            assert json.loads((tmp_path / "x" / LOCK_NAME).read_text())["pid"] == os.getpid()


def test_a_forked_child_does_not_keep_the_lock_of_its_killed_parent(tmp_path):
    with holder(tmp_path, FORK) as first:
        child = int(first.stdout.readline())
        assert first.stdout.readline() == "locked\n"
        first.kill()
        first.wait()
        try:
            with folder_lock(tmp_path / "x"):
                pass
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_forked_child_does_not_release_the_lock_of_its_parent(tmp_path):
    child_ends = "import os\n    if os.fork() == 0: os._exit(0)\n    os.wait()"
    with holder(tmp_path, child_ends) as first:
        assert first.stdout.readline() == "locked\n"
        with pytest.raises(LockedError), folder_lock(tmp_path / "x"):
            pass


def test_the_lock_is_free_after_the_block_and_after_an_error(tmp_path):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), folder_lock(tmp_path / "new" / "x"):
            _ = 1 / 0
    with folder_lock(tmp_path / "new" / "x"), pytest.raises(LockedError), folder_lock(tmp_path / "new" / "x"):
        pass


def test_many_locks_do_not_leak_descriptors(tmp_path):
    opened = Path("/proc/self/fd")
    if not opened.is_dir():
        pytest.skip("this system does not list descriptors")
    before = len(list(opened.iterdir()))
    for _ in range(50):
        with folder_lock(tmp_path):
            pass
    assert len(list(opened.iterdir())) == before


def test_a_file_in_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="file"), folder_lock(folder):
            pass


def test_a_folder_that_may_not_be_written_is_told(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(ResourceError, match="x"), folder_lock(tmp_path / "x"):
        pass
