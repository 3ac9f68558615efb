"""Nobody is left behind: a process ends with the one that started it."""

import ctypes
import os
import signal
import sys

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
