"""A curve in one line of text."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TextIO

BLOCKS = "".join(chr(0x2581 + level) for level in range(8))
"""One eighth to eight eighths of a block."""
ASCII = "_.-=+*%#"
"""For terminals and files that have no such letters."""


def sparkline(
    values: Sequence[float], width: int, levels: str = BLOCKS, bounds: tuple[float, float] | None = None
) -> str:
    """The values from left to right, lowest to highest, in at most `width` letters.

    Args:
        values: a curve; neighbours are averaged where there are more of them than letters.
        width: most letters.
        levels: letters from low to high.
        bounds: what the lowest and the highest letter mean; without, the curve's own.
    """
    seen = resampled([value for value in values if math.isfinite(value)], width)
    if not seen:
        return ""
    low, high = bounds or (min(seen), max(seen))
    scale = (len(levels) - 1) / (high - low) if high > low else 0.0
    return "".join(levels[round((value - low) * scale)] for value in seen)


def loss_line(values: Sequence[float], width: int, levels: str = BLOCKS, shared: Sequence[float] = ()) -> str:
    """A loss curve in one line; by its logarithm where the loss falls so far that its end would look flat.

    Args:
        values: the curve.
        width: most letters.
        levels: letters from low to high.
        shared: values of all curves that are shown together, so that the same letter means the same loss.
    """
    seen = [value for value in (shared or values) if math.isfinite(value)]
    if not seen:
        return ""
    low, high = min(seen), max(seen)
    if low > 0 and high > 20 * low:
        return sparkline([math.log(value) for value in values], width, levels, (math.log(low), math.log(high)))
    return sparkline(values, width, levels, (low, high))


def resampled(values: Sequence[float], count: int) -> list[float]:
    """Means of at most `count` equal stretches of the values."""
    if len(values) <= count:
        return list(values)
    edges = [len(values) * number // count for number in range(count + 1)]
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]


def levels_for(stream: TextIO) -> str:
    """Blocks where the stream can write them, else ASCII."""
    try:
        BLOCKS.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BLOCKS


class RunningCurve:
    """The whole course of a value in little memory: when it is full, neighbours are joined.

    Args:
        capacity: most points kept, an even number.
    """

    def __init__(self, capacity: int = 256) -> None:
        self._capacity = capacity
        self._points: list[float] = []
        self._each = 1
        """Values per point."""
        self._sum, self._count = 0.0, 0

    def add(self, value: float) -> None:
        """One more value; NaN is left out."""
        if not math.isfinite(value):
            return
        self._sum += value
        self._count += 1
        if self._count == self._each:
            self._points.append(self._sum / self._count)
            self._sum, self._count = 0.0, 0
        if len(self._points) == self._capacity:
            pairs = zip(self._points[::2], self._points[1::2], strict=True)
            self._points = [(first + second) / 2 for first, second in pairs]
            self._each *= 2

    def points(self) -> list[float]:
        """The course so far."""
        kept, total, count = self._points, self._sum, self._count  # another thread may be adding
        return [*kept, *([total / count] if count else [])]
