"""The fullest moment of a stretch of time: what was full before it does not count."""

import numpy as np
import pytest

from macaw_cli.planning.peak_memory import PeakMemory

MIB = 2**20


def fill(mebibytes):
    """Touch that much memory and let go of it."""
    return float(np.ones(mebibytes * MIB // 8).sum())


def test_the_fullest_moment_is_counted_and_can_be_forgotten():
    memory = PeakMemory("cpu")
    fill(200)
    if memory.growth() is None:
        pytest.skip("this system does not tell the peak of memory")
    assert 190 * MIB < memory.growth() < 300 * MIB
    memory.forget_peak()
    assert memory.growth() < 100 * MIB
    fill(100)
    assert 90 * MIB < memory.growth() < 190 * MIB
