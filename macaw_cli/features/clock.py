"""Time by phase: how busy decoders, encoder and writer are, and how long the encoder waits for the others."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
STAGES = ("decode", "encode", "write", "waiting", "reading")
_MUCH = 30
"""Percent of the time: an encoder that waits so long could do more."""


class Clock:
    """Seconds per stage since the start; safe in threads.

    `decode` is the mean of all decoder processes, so that 100 % means that none of them ever rests; `waiting` is the
    time in which the encoder has nothing to do, or cannot hand on what it has done; `reading` is that part of it in
    which the next files are still being listed, fetched and hashed.

    Args:
        decoding: the decoders' busy seconds so far.
    """

    def __init__(self, decoding: Callable[[], float]) -> None:
        self._decoding = decoding
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._seconds = dict.fromkeys(STAGES, 0.0)

    @property
    def seconds(self) -> dict[str, float]:
        """Per stage."""
        return {**self._seconds, "decode": self._decoding()}

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Count the time of the block to `stage`."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.add(stage, time.monotonic() - began)

    def reading(self, jobs: Iterator[T | None]) -> Iterator[T | None]:
        """The same `jobs`; what the encoder waits for each of them is counted.

        An end that comes after a None is not: that is the wait for other workers.
        """
        began, resting = time.monotonic(), False
        for job in jobs:
            self._add_reading(began)
            yield job
            began, resting = time.monotonic(), job is None
        if not resting:
            self._add_reading(began)

    def _add_reading(self, began: float) -> None:
        waited = time.monotonic() - began
        self.add("waiting", waited)
        self.add("reading", waited)

    def add(self, stage: str, seconds: float) -> None:
        """Count `seconds` to `stage`."""
        with self._lock:
            self._seconds[stage] += seconds

    def shares(self) -> str:
        """The shares in percent of the time since the start, for people."""
        return shares(self.seconds, time.monotonic() - self._began)


def shares(seconds: dict[str, float], total: float) -> str:
    """`decode 98 %, encode 31 %, write 4 %, waiting 66 %: decoding is the bottleneck`."""
    percent = {stage: 100 * spent / max(total, 1e-9) for stage, spent in seconds.items()}
    text = ", ".join(f"{stage} {min(share, 100):.0f} %" for stage, share in percent.items() if stage != "reading")
    return text + bottleneck(percent)


def bottleneck(percent: dict[str, float]) -> str:
    """What the encoder waits for, where it waits much."""
    waiting = percent.get("waiting", 0.0)
    if waiting < _MUCH:
        return ""
    if percent.get("reading", 0.0) > waiting / 2:
        return ": reading the sources is the bottleneck"
    slowest = max(("decode", "write"), key=lambda stage: percent.get(stage, 0.0))
    return ": decoding is the bottleneck" if slowest == "decode" else ": writing is the bottleneck"
