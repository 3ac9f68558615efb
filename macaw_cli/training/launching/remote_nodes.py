"""A training on several machines: one `node_process` on each over ssh, watched until all have ended.

Signals travel as words through the connections, because closing an ssh connection sends none. Whatever ends one
machine's part ends the others: first by SIGTERM, which lets them save if they still can, then by SIGKILL.
"""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from macaw_cli.training.job import TrainingJob
from macaw_cli.training.launching.hosts import Host
from macaw_cli.training.launching.outcome import Death, deaths_left, leave_stop
from macaw_cli.training.launching.ssh import SSH_FAILED, ssh_command
from macaw_cli.training.launching.torch_launcher import SAVE_TIME_S, Node
from macaw_cli.training.signals import stop_on_signals

MODULE = "macaw_cli.training.launching.node_process"
GRACE_S = 60.0
"""How long the other machines may take to end after one has died, before they are killed."""
LAST_GRACE_S = 10.0
"""How long a connection may outlive the order to kill."""
FORWARDED = (
    "MACAW_", "NCCL_", "GLOO_", "TORCH_", "OMP_", "HF_", "DS_", "UCX_", "FI_", "LD_LIBRARY_PATH", "PYTHON",
    "WANDB_", "MLFLOW_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
)  # fmt: skip
"""Beginnings, in capitals, of variables that other machines get too; CUDA_VISIBLE_DEVICES is each one's own."""


def run_on_hosts(job: TrainingJob, folder: Path) -> list[Death]:
    """Train on all hosts to the end.

    Args:
        job: with its hosts.
        folder: holds `job.json`, and is seen by all hosts.

    Returns:
        How processes or machines died; empty when all ended well.
    """
    with stop_on_signals() as stop:
        nodes = [_RemoteNode(host, node, job.workspace.root, folder) for host, node in _nodes(job)]
        told, deadline = None, float("inf")
        while any(node.runs for node in nodes):
            if stop.received and told is None:
                told, deadline = stop.received, time.monotonic() + SAVE_TIME_S
                _tell(nodes, told)
            if told is None and any(node.has_failed for node in nodes):
                told, deadline = signal.SIGTERM, time.monotonic() + GRACE_S
                _tell(nodes, told)
            if time.monotonic() > deadline:
                _tell(nodes, signal.SIGKILL)
                deadline = float("inf")
            time.sleep(0.1)
    if stop.received:
        leave_stop(folder, stop.received)
    left = deaths_left(folder)
    return [*left.values(), *(node.lost() for node in nodes if node.has_failed and node.number not in left)]


def _nodes(job: TrainingJob) -> list[tuple[Host, Node]]:
    hosts = job.processes.hosts
    port = os.environ.get("MASTER_PORT") or str(20_000 + secrets.randbelow(10_000))  # below Linux's own choices
    endpoint, run_id = f"{hosts[0].address}:{port}", secrets.token_hex(8)
    nodes, first_rank = [], 0
    for number, host in enumerate(hosts):
        node = Node(
            host.processes, job.processes.count, first_rank, number, len(hosts), host.name, endpoint, run_id
        )
        nodes.append((host, node))
        first_rank += host.processes
    return nodes


def forwarded(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a training needs on every machine; proxies are written in capitals or without."""
    return {name: value for name, value in environment.items() if name.upper().startswith(FORWARDED)}


def _tell(nodes: list["_RemoteNode"], number: signal.Signals) -> None:
    for node in nodes:
        node.tell(number)


class _RemoteNode:
    """The connection to one machine; its output comes to this terminal."""

    def __init__(self, host: Host, node: Node, root: Path, folder: Path) -> None:
        self.number, self._host = node.number, host
        self._ended: float | None = None
        self._told = False
        self._killed: float | None = None
        # a session of its own: Ctrl-C must not cut the connection through which it is to be told
        self._ssh = subprocess.Popen(
            ssh_command(host.name, root, MODULE, str(folder)), stdin=subprocess.PIPE, text=True, start_new_session=True
        )
        self._say(json.dumps({"environment": forwarded(os.environ), "node": asdict(node)}))

    @property
    def runs(self) -> bool:
        """Whether it has not ended; noted with the time when it has."""
        if self._killed is not None and time.monotonic() - self._killed > LAST_GRACE_S:
            self._ssh.kill()
        if self._ssh.poll() is None:
            return True
        self._ended = self._ended or time.time()
        return False

    @property
    def has_failed(self) -> bool:
        """Whether it has ended with anything but success."""
        return not self.runs and self._ssh.returncode != 0

    def tell(self, number: signal.Signals) -> None:
        """Have the machine's processes get a signal."""
        if self.runs:
            self._told = True
            self._say(number.name)
            if number == signal.SIGKILL:
                self._killed = time.monotonic()

    def lost(self) -> Death:
        """How it ended without having told."""
        code = self._ssh.returncode
        number = -code if code < 0 else code - 128  # a shell in between tells a signal as 128 and its number
        how = f"its launcher ended by signal {number}" if 0 < number < 65 else f"its launcher ended with code {code}"
        how = "the connection broke" if code == SSH_FAILED else how
        return Death(f"{self._host.name} left the training: {how}.", self._told, self._ended or 0.0)

    def _say(self, line: str) -> None:
        assert self._ssh.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: its exit code tells
            self._ssh.stdin.write(line + "\n")
            self._ssh.stdin.flush()
