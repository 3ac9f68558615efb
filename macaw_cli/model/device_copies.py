"""Small lists of numbers on their way to a GPU."""

from collections.abc import Sequence

import torch
from torch import Tensor


def on_device(numbers: Sequence[int], device: torch.device, dtype: torch.dtype = torch.int64) -> Tensor:
    """(n,) on the device. `torch.tensor(numbers, device=...)` would wait for a GPU, as its memory is not pinned."""
    made = torch.tensor(numbers, dtype=dtype)
    return made.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else made.to(device)
