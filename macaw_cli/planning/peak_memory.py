"""The most memory that this process has had in a stretch of time, as the system counts it."""

from pathlib import Path
from typing import Literal

import torch

from macaw_cli.basics.memory import give_back_freed_memory

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
FORGET_PEAK = "5"


class PeakMemory:
    """Counts above what there is when it is made.

    Args:
        device: "cuda" counts what torch has of the current GPU, "cpu" the pages of this process.
    """

    def __init__(self, device: Literal["cpu", "cuda"]) -> None:
        self._on_gpu = device == "cuda"
        self._before: int | None
        if self._on_gpu:
            self._before = torch.cuda.memory_allocated()
            self.forget_peak()
        else:
            self._before = _field("VmRSS") if _forget_peak() else None

    def forget_peak(self) -> None:
        """Look for the fullest moment from now on; the growth is still counted above what there was at first."""
        if self._on_gpu:
            torch.cuda.reset_peak_memory_stats()
        else:
            _forget_peak()

    def growth(self) -> int | None:
        """Bytes of the fullest moment above those of the beginning; None where the system does not tell."""
        if self._before is None:
            return None
        peak = torch.cuda.max_memory_allocated() if self._on_gpu else _field("VmHWM")
        return None if peak is None else peak - self._before


def _forget_peak() -> bool:
    give_back_freed_memory()  # else what is used next need not grow the process
    try:
        CLEAR.write_text(FORGET_PEAK)
    except OSError:  # not Linux, or not allowed in this container
        return False
    return True


def _field(name: str) -> int | None:
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)
