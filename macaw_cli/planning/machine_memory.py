"""What memory this machine has, for plans: on its GPUs, and for its processors."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.basics.memory import machine_bytes

COMMON_GPUS = (16, 24, 40, 48, 80, 96, 141, 180)
"""GiB of GPUs that one can rent."""


@dataclass(frozen=True)
class MachineMemory:
    """Bytes; 0 where there is no such device."""

    gpu: int
    """Bytes of the smallest GPU."""
    gpus: int
    """How many there are."""
    host: int
    """Bytes for all processes together."""


def machine_memory(device: Literal["cpu", "cuda"]) -> MachineMemory:
    """What this machine has.

    Args:
        device: for "cpu" no GPU is asked.
    """
    gpus: list[int] = []
    if device == "cuda":
        import torch

        gpus = [torch.cuda.get_device_properties(number).total_memory for number in range(torch.cuda.device_count())]
    return MachineMemory(min(gpus, default=0), len(gpus), machine_bytes())


def smallest_gpu(needed: float) -> int | None:
    """GiB of the smallest common GPU that holds so many bytes; None where none does."""
    return next((gib for gib in COMMON_GPUS if needed <= gib * 2**30), None)
