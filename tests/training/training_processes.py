"""Trainings as a user starts them, and what tests look at from outside: logs, weights, processes."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def start(space, *options, **variables):
    """`macaw train` in the workspace's folder, with one thread per process and impatient collectives."""
    environment = os.environ | {"MACAW_COLLECTIVE_TIMEOUT_S": "60", "OMP_NUM_THREADS": "1"} | variables
    command = [sys.executable, "-m", "macaw_cli", "train", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=space.root, env=environment, **pipes)


def processes_in(folder):
    """Command lines by process id of every macaw process that works in `folder`."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
            if (process / "cwd").readlink() == folder and any("macaw_cli" in word for word in words):
                found[int(process.name)] = words
        except OSError:
            continue  # it has ended meanwhile, or is somebody else's
    return found


def with_module(processes, module):
    """Process ids of those that run one module of macaw."""
    return [pid for pid, words in processes.items() if any(word.endswith(module) for word in words)]


def wait_until(condition, what, seconds=90):
    """Wait, but not for ever."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def log_of(run):
    """The rows of metrics.jsonl so far, without times and memory."""
    file = run / "metrics.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [{key: value for key, value in row.items() if key not in ("seconds", "memory")} for row in rows]


def losses(run):
    """The losses in metrics.jsonl so far."""
    rows = log_of(run) if (run / "metrics.jsonl").exists() else []
    return [row["loss"] for row in rows if "loss" in row]


def weights(run):
    """The bytes of the trained model's weights."""
    return (run / "model" / "model.safetensors").read_bytes()
