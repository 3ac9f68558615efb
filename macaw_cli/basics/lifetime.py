"""Nobody is left behind: a process ends with the one that started it."""

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int | None = None, by: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel end this process when the one that started it dies, however that dies; on Linux only.

    Args:
        parent: process id of the parent, to notice that it died before this call.
        by: the signal that comes then; only SIGKILL cannot be put off.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, by)
        if parent is not None and os.getppid() != parent:
            os._exit(1)


def descendants(pid: int) -> list[int]:
    """The processes that `pid` started, theirs, and so on; on Linux only, elsewhere none."""
    found: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in file.read_text().split()]
        except OSError:
            continue  # that thread has ended meanwhile
        for child in children:
            found += [child, *descendants(child)]
    return found


def kill_with_descendants(pid: int) -> None:
    """End a process and all that it started at once; nobody gets the chance to tidy up."""
    for one in [*descendants(pid), pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
