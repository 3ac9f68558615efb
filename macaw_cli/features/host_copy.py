"""A batch of features on its way from the encoder's device into this machine's memory.

A GPU works on while this process launches the next batch: nothing here waits for it but `wait`. The features come into
pinned memory, which the GPU fills by itself.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from macaw_cli.encoders.selection import Features
    from macaw_cli.features.encoding import FeatureArrays


class HostCopy:
    """The features that `compute` returns, which on a GPU it has only launched.

    Attributes:
        running: whether the device may still be at work.
    """

    def __init__(self, compute: "Callable[[], Features]") -> None:
        import torch

        cuda: Any = torch.cuda
        self._start: Any = _event() if cuda.is_initialized() else None
        began = time.monotonic()
        features = compute()
        parts = [features] if isinstance(features, torch.Tensor) else features
        self._together = isinstance(features, torch.Tensor)
        self.running = self._start is not None and parts[0].is_cuda
        if not self.running:
            self._parts, self._seconds = parts, time.monotonic() - began
            return
        self._end = _event()
        self._parts = [_pinned(part) for part in parts]
        self._copied = _event()

    def wait(self) -> "tuple[FeatureArrays, float]":
        """The features, and the seconds that the device spent on them: on a GPU between two marks in its queue."""
        if self.running:
            self._copied.synchronize()
            self._seconds = self._start.elapsed_time(self._end) / 1000
            self.running = False
        arrays = [part.numpy() for part in self._parts]
        return arrays[0] if self._together else arrays, self._seconds


def _pinned(part: Any) -> Any:
    import torch

    return torch.empty(part.shape, dtype=part.dtype, pin_memory=True).copy_(part, non_blocking=True)


def _event() -> Any:
    """A mark in the queue of the GPU; waiting for it lets the core sleep."""
    import torch

    cuda: Any = torch.cuda
    event = cuda.Event(enable_timing=True, blocking=True)
    event.record()
    return event
