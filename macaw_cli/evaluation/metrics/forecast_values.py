"""The numbers in a forecast that was written as text, and in its samples."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from macaw_cli.modalities.numbers_as_text import numbers_in


def forecasts(pairs: Sequence[tuple[str, str]]) -> list[tuple[NDArray[np.float64], NDArray[np.float64] | None]]:
    """Of each pair whose reference holds numbers: they, (H,), and the forecasts of them, (S, H); None where unreadable.

    Each line of an answer that has H numbers or more is a sample, of which the first H count. An answer without such a
    line is one sample, if it has H numbers in all.

    Args:
        pairs: reference and answer of each question; the samples of an answer stand on lines of their own.
    """
    found = []
    for reference, answer in pairs:
        true = np.array(numbers_in(reference), dtype=np.float64)
        if not len(true):
            continue
        lines = [numbers for line in answer.splitlines() if len(numbers := numbers_in(line)) >= len(true)]
        samples = [numbers[: len(true)] for numbers in lines or [numbers_in(answer)]]
        readable = len(samples[0]) == len(true)
        found.append((true, np.array(samples, dtype=np.float64) if readable else None))
    return found


def filled(found: list[tuple[NDArray[np.float64], NDArray[np.float64] | None]]) -> list[
    tuple[NDArray[np.float64], NDArray[np.float64]]
]:  # fmt: skip
    """The same with a constant in place of forecasts that cannot be read: the mean of all references.

    Whoever leaves out the hard questions gains nothing by it.
    """
    if not found:
        return []
    mean = float(np.concatenate([true for true, _ in found]).mean())
    return [(true, np.full((1, len(true)), mean) if samples is None else samples) for true, samples in found]
