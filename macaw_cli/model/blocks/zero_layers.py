"""Layers that start as zero, so that what they are added to is unchanged at first."""

from torch import nn
from transformers import initialization as init


class ZeroLinear(nn.Linear):
    """A linear layer whose weights and bias are 0 at the start."""

    def initialise(self) -> None:
        """Set both to 0."""
        init.zeros_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class ZeroConv1d(nn.Conv1d):
    """A convolution whose weights and bias are 0 at the start."""

    def initialise(self) -> None:
        """Set both to 0."""
        init.zeros_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)
