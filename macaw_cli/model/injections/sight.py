"""Which soft tokens each position sees, and the mask that attention makes of it.

Letters: B rows, T positions, S soft tokens of all media.
"""

from functools import cached_property

import torch
from torch import Tensor

ALIGNED = 8
"""Attention kernels for GPUs copy a mask whose rows do not begin at multiples of so many numbers."""


class Sight:
    """What positions see, for all layers of one call: the masks would otherwise be kept once per layer.

    Attributes:
        tokens: (B, T, S) bool, true where a position sees a soft token.

    Args:
        tokens: the same.
    """

    def __init__(self, tokens: Tensor) -> None:
        self.tokens = tokens
        self._masks: dict[torch.dtype, Tensor] = {}

    @cached_property
    def sees_any(self) -> Tensor:
        """(B, T) bool: whether a position sees anything."""
        return self.tokens.any(dim=-1)

    def mask(self, dtype: torch.dtype) -> Tensor:
        """(1, 1, B T, S): 0 where a position sees a soft token, else -inf; where it sees none all 0, as -inf gives NaN.

        Args:
            dtype: of the queries.
        """
        if dtype not in self._masks:
            rows, length, count = self.tokens.shape
            room = -count % ALIGNED
            made = torch.zeros(rows * length, count + room, dtype=dtype, device=self.tokens.device)[:, :count]
            made.masked_fill_(~(self.tokens | ~self.sees_any[..., None]).flatten(0, 1), float("-inf"))
            self._masks[dtype] = made[None, None]
        return self._masks[dtype]
