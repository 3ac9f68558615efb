"""How a process ends, in real processes."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import atexit, sys, threading, time
from macaw_cli.basics.process_exit import leaving_at_once

class Held:
    def __del__(self):
        print("taken apart")

held = [Held()]
held.append(held)  # only the interpreter's way out finds it
atexit.register(print, "registered")

def work():
    time.sleep(0.3)
    print("worked")

with leaving_at_once():
    if "thread" in sys.argv:
        threading.Thread(target=work, daemon="daemon" in sys.argv).start()
    sys.stdout.write("said ")
    sys.exit(int(sys.argv[1]))
"""


def left(*words, **variables):
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=False,
        env={**os.environ, **variables},
    )  # fmt: skip
    assert ended.stderr == ""
    return ended.returncode, ended.stdout.split("\n")[:-1]


@pytest.mark.parametrize("code", [130, 143])
def test_after_a_signal_what_is_registered_runs_and_nothing_is_taken_apart(code):
    assert left(str(code)) == (code, ["said registered"])


@pytest.mark.parametrize("code", [0, 1, 2])
def test_other_ends_are_those_of_python(code):
    assert left(str(code)) == (code, ["said registered", "taken apart"])


def test_a_thread_that_python_waits_for_ends_its_work():
    assert left("143", "thread") == (143, ["said worked", "registered", "taken apart"])


def test_a_daemon_thread_is_not_waited_for():
    assert left("143", "thread", "daemon") == (143, ["said registered"])


@pytest.mark.parametrize("code", [0, 1, 143])
def test_one_of_several_processes_leaves_without_anything_of_libraries(code):
    assert left(str(code), WORLD_SIZE="2")[0] == code
    assert "taken apart" not in left(str(code), WORLD_SIZE="2")[1]
