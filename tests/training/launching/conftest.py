"""A stand-in for ssh, and trainings that do not outlive their test."""

import os
import sys

import pytest
import training_processes

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
if host == "noisy":
    command = "echo Welcome!; " + command + "; echo {{}}; echo goodbye"
if host == "silent":
    command += " >/dev/null"
if host == "talking":
    command += " >/dev/null; echo Welcome!; echo"
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
        started.append(training_processes.start(space, *options))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()
