"""A stopped quickstart lets the command that it runs end in its own way."""

import os
import signal
import subprocess
import sys
import time

import pytest

CHILD = """
import pathlib, signal, sys, time
def save(number, _):
    time.sleep(0.7)
    with pathlib.Path("saved").open("a") as out: out.write("x")
    sys.exit(128 + number)
for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, save)
pathlib.Path("ready").touch()
time.sleep(30)
"""
PARENT = """
import os, pathlib, sys
from macaw_cli.quickstart.child import run_child
sys.exit(run_child([sys.executable, "-c", sys.argv[1]], pathlib.Path(), os.environ))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_command_once_and_it_has_the_time_to_save(tmp_path, number):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, CHILD], cwd=tmp_path, start_new_session=True)
    while not (tmp_path / "ready").exists():
        assert parent.poll() is None
        time.sleep(0.02)
    os.killpg(parent.pid, number)  # as a terminal does
    assert parent.wait(timeout=20) == 128 + number
    assert (tmp_path / "saved").read_text() == "x"


def test_a_command_that_is_killed_is_told_as_a_shell_tells_it(tmp_path):
    dying = "import os; os.kill(os.getpid(), 9)"
    parent = subprocess.run([sys.executable, "-c", PARENT, dying], cwd=tmp_path, check=False)
    assert parent.returncode == 137
