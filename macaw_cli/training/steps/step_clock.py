"""Where the time of a step goes, without slowing it.

On a CPU the clock is read between the phases. On a GPU work is only queued: an event in the queue marks each border,
and the times are read once the GPU has passed it. A wait for data shows there as the gap in which the GPU had nothing.
"""

import time
from collections import deque
from typing import Any

import torch


class StepClock:
    """Adds the time since the last lap to a phase.

    Args:
        device: where the model computes.
    """

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type == "cuda"
        self._since = self._now()
        self._passed: deque[tuple[str, Any, Any]] = deque()

    def start(self) -> None:
        """Forget the time since the last lap: it was spent on something that is no phase of a step."""
        self._since = self._now()

    def lap(self, phase: str) -> None:
        """The time since the last lap belongs to `phase`."""
        now = self._now()
        self._passed.append((phase, self._since, now))
        self._since = now

    def collect(self, *, wait: bool = False) -> dict[str, float]:
        """Seconds per phase of the laps that were not collected before.

        Args:
            wait: wait for what the GPU has not done yet; else that is told next time.
        """
        if self._on_gpu and wait and self._passed:
            self._passed[-1][2].synchronize()
        seconds: dict[str, float] = {}
        while self._passed and (not self._on_gpu or self._passed[0][2].query()):
            phase, since, now = self._passed.popleft()
            spent = since.elapsed_time(now) / 1000 if self._on_gpu else now - since
            seconds[phase] = seconds.get(phase, 0.0) + spent
        return seconds

    def _now(self) -> Any:
        if not self._on_gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event
