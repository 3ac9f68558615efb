"""Questions shared among the processes of a training: each scores some batches, and all know every answer."""

import math
from collections.abc import Sequence
from typing import TypeVar

import torch

from macaw_cli.basics import distributed

T = TypeVar("T")
UNANSWERED = -math.inf
"""In the place of what another process scores."""


def own_share(batches: Sequence[T]) -> list[T]:
    """This process's batches: equally many in each, as under ZeRO-3 every forward pass needs all of them.

    Where the number does not come out even, some processes score the last batch as well.
    """
    count = distributed.world_size()
    padded = [*batches, *[batches[-1]] * (-len(batches) % count)]
    return padded[distributed.rank() :: count]


def all_answers(found: torch.Tensor) -> torch.Tensor:
    """What any process has found, in every process.

    Args:
        found: any shape, float64; `UNANSWERED` where another process finds it.
    """
    torch.distributed.all_reduce(found, op=torch.distributed.ReduceOp.MAX)
    return found
