"""Trainings as a user starts them, and what tests look at from outside: logs, weights, processes."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path


def start(space, *options, **variables):
    """`macaw train` in the workspace's folder, with one thread per process and impatient collectives."""
    return start_as(space, [sys.executable, "-m", "macaw_cli", "train", *options], **variables)


def start_as(space, command, **variables):
    """A launcher's command, or one of its processes, in the workspace's folder."""
    environment = os.environ | {"MACAW_COLLECTIVE_TIMEOUT_S": "60", "OMP_NUM_THREADS": "1"} | variables
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=space.root, env=environment, **pipes)


def start_torchrun(space, *options, meeting=()):
    """Two agents of torchrun, as on two machines, with one process each."""
    port = str(free_port())
    return [
        start_as(space, [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1",
                         *(meeting or ("--node-rank", str(node), "--master-addr", "127.0.0.1", "--master-port", port)),
                         "-m", "macaw_cli", "train", *options])
        for node in range(2)
    ]  # fmt: skip


def start_srun(space, *options, tasks=2, **variables):
    """Tasks with the variables that srun gives them, one per machine; macaw takes what is here for the machines."""
    port = str(free_port())
    of_step = {
        "SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": str(tasks), "SLURM_NTASKS": str(tasks),
        "SLURM_STEP_TASKS_PER_NODE": f"1(x{tasks})", "SLURM_STEP_NODELIST": "localhost,node2", "MASTER_PORT": port,
    }  # fmt: skip
    command = [sys.executable, "-m", "macaw_cli", "train", *options]
    return [
        start_as(
            space, command, **of_step, SLURM_PROCID=str(task), SLURM_NODEID=str(task), SLURM_LOCALID="0", **variables
        )
        for task in range(tasks)
    ]


def free_port():
    """A port that nothing on this machine listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


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
