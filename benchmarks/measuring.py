"""Run a command and measure it with all its children: seconds, CPU seconds, and the peak memory of the whole tree."""

import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

SAMPLE_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Measured:
    """What a command took: wall and CPU (user and system) seconds, peak proportional memory in bytes."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    stdout: str


def measure(command: list[str], folder: Path) -> Measured:
    """Run `command` in `folder`; it must end with exit code 0."""
    before, began = _children_cpu(), time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    peak = _Peak(process.pid)
    peak.start()
    stdout, _ = process.communicate()
    peak.stop.set()
    peak.join()
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with exit code {process.returncode}")
    return Measured(time.monotonic() - began, _children_cpu() - before, peak.bytes, stdout)


def tree_of(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for parent in found:
        for listed in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += map(int, listed.read_text().split())
            except OSError:
                continue
    return found


class _Peak(threading.Thread):
    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self.bytes, self.stop = pid, 0, threading.Event()

    def run(self) -> None:
        while not self.stop.wait(SAMPLE_EVERY_S):
            self.bytes = max(self.bytes, sum(map(_proportional, tree_of(self._pid))))


def _proportional(pid: int) -> int:
    """Memory with shared pages divided among those who share them (PSS)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:")), 0)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))
