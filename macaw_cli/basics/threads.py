"""How many threads this process may use, and how those of torch wait for each other."""

import os

_SPINS = "1000"
"""Some microseconds. Measured with a small encoder on two cores that other processes use as well: 0.7 ms an image
instead of 4 to 12, at a tenth of the CPU seconds. """
_SPINS_ALONE = "30000"
"""Training on two idle cores is 1.45 times as fast as with the short wait (as fast as with torch's default), and no
slower on busy ones; features would take a tenth more CPU seconds."""


def share_cores() -> None:
    """Let OpenMP threads sleep soon when they wait, so that decoders and other users of the machine get the core.

    By default they spin for milliseconds. OpenMP reads this when torch is imported: call it before. What the user
    has set stays.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)


def keep_cores() -> None:
    """Let waiting threads spin a little longer: for commands that compute all the time and decode nothing beside it.

    As `share_cores`, which has been called, and what the user has set, stays.
    """
    if os.environ.get("GOMP_SPINCOUNT") == _SPINS:
        os.environ["GOMP_SPINCOUNT"] = _SPINS_ALONE


def usable_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
