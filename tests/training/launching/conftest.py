"""A stand-in for ssh, and what tests of several processes look at."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SSH = '''#!{python}
# Stands in for the network alone: it runs the remote command here, with the pipes of the caller, as sshd would.
import os, sys
host, command = sys.argv[-2:]
if host == "nowhere":
    sys.exit(print("ssh: Could not resolve hostname nowhere", file=sys.stderr) or 255)
if host == "other-image":
    command = command.replace({executable!r}, "/opt/none/bin/python")
if host == "no-disk":
    command = command.replace({workspace!r}, {workspace!r} + "-absent")
if host == "other-disk":
    command = command.replace("/.launch-", "/.launch-of-other-disk-")
if host == "other-torch":
    command += """ | sed 's/"torch": "[^"]*"/"torch": "1.0"/'"""
os.execvp("sh", ["sh", "-c", command])
'''


@pytest.fixture
def stand_in_for_ssh(tmp_path, monkeypatch):
    """An `ssh` first on PATH that takes every host for this machine, but `nowhere` and some that lack something."""
    file = tmp_path / "bin" / "ssh"
    file.parent.mkdir()
    file.write_text(SSH.format(python=sys.executable, executable=sys.executable, workspace=str(tmp_path)))
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{file.parent}{os.pathsep}{os.environ['PATH']}")
    return file


@pytest.fixture
def start():
    """`start(space, *options)`: `macaw train` as a user types it; what still runs at the end of the test is ended."""
    started = []

    def run(space, *options):
        environment = os.environ | {"MACAW_COLLECTIVE_TIMEOUT_S": "60", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "macaw_cli", "train", *options]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, cwd=space.root, env=environment, **pipes))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def processes_of():
    """`processes_of(space)`: command lines by process id of everything that runs in or for a workspace."""

    def find(space):
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().decode().split(chr(0))
                place = (folder / "cwd").readlink()
            except OSError:
                continue
            if place == space.root and any("macaw_cli" in word for word in words):
                found[int(folder.name)] = words
        return found

    return find


@pytest.fixture
def wait_until():
    """`wait_until(condition, what)`: at most 90 seconds."""

    def wait(condition, what):
        deadline = time.monotonic() + 90
        while not condition():
            assert time.monotonic() < deadline, what
            time.sleep(0.05)

    return wait


@pytest.fixture
def losses():
    """`losses(run)`: the losses in metrics.jsonl so far."""

    def read(run):
        file = run / "metrics.jsonl"
        rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [row["loss"] for row in rows if "loss" in row]

    return read
