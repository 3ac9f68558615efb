"""How much memory there is, and how the C library gives freed memory back to the system."""

import ctypes
import sys
from pathlib import Path

CONTROL_GROUP = Path("/sys/fs/cgroup")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_BLOCK = 32 << 20
"""What older C libraries take at most."""


def machine_bytes() -> int:
    """Memory of this machine, or what a container may use of it."""
    import psutil

    total: int = psutil.virtual_memory().total
    try:
        return min(total, int((CONTROL_GROUP / "memory.max").read_text()))
    except (OSError, ValueError):  # no container, or one without a limit: `max`
        return total


def free_machine_bytes() -> int:
    """Memory of this machine that can be had without swapping, or what a container may still use of it."""
    import psutil

    free: int = psutil.virtual_memory().available
    try:
        most, used = (int((CONTROL_GROUP / f"memory.{name}").read_text()) for name in ("max", "current"))
        return max(0, min(free, most - used))
    except (OSError, ValueError):  # no container, or one without a limit: `max`
        return free


def keep_freed_memory(block_bytes: int, total_bytes: int) -> None:
    """Let freed memory be used again instead of asking the system for fresh pages each time.

    A batch of activations, or a decoded image, is of the same size again and again: clearing its pages anew takes a
    tenth of the CPU seconds of a CLIP-B/16 on two cores. Only with the GNU C library; elsewhere nothing happens.

    Args:
        block_bytes: blocks up to this size are kept.
        total_bytes: so much is kept in all.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        if not libc.mallopt(_M_MMAP_THRESHOLD, block_bytes):
            libc.mallopt(_M_MMAP_THRESHOLD, min(block_bytes, _LARGEST_BLOCK))
        libc.mallopt(_M_TRIM_THRESHOLD, total_bytes)


def give_back_freed_memory() -> None:
    """Return what is freed, and still held for later, to the system; only with the GNU C library."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
