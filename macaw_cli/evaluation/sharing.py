"""Questions shared among the processes of a training: each scores some batches, and all know every answer."""

from collections.abc import Sequence
from typing import TypeVar

import torch

from macaw_cli.basics import distributed

T = TypeVar("T")
UNANSWERED = -1
"""Choice of a question that another process scores."""


def own_share(batches: Sequence[T]) -> list[T]:
    """This process's batches: equally many in each, as under ZeRO-3 every forward pass needs all of them.

    Where the number does not come out even, some processes score the last batch as well.
    """
    count = distributed.world_size()
    padded = [*batches, *[batches[-1]] * (-len(batches) % count)]
    return padded[distributed.rank() :: count]


def all_answers(choices: torch.Tensor) -> torch.Tensor:
    """What any process has answered, in every process.

    Args:
        choices: (questions,), int64; `UNANSWERED` where another one answers.
    """
    torch.distributed.all_reduce(choices, op=torch.distributed.ReduceOp.MAX)
    return choices
