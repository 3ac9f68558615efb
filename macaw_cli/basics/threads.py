"""How many threads this process may use, and how those of torch wait for each other."""

import os

_SPINS = "1000"
"""Some microseconds. Measured with a small encoder on two cores that other processes use as well: 0.7 ms an image
instead of 4 to 12, at a tenth of the CPU seconds. On idle cores it makes no difference."""


def share_cores() -> None:
    """Let OpenMP threads sleep soon when they wait, so that decoders and other users of the machine get the core.

    By default they spin for milliseconds. OpenMP reads this when torch is imported: call it before. What the user
    has set stays.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)


def usable_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
