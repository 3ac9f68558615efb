"""The part of a layer that looks at each token alone."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch.nn.functional as F
from torch import Tensor, nn

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {"gelu": F.gelu, "relu": F.relu, "relu2": lambda values: F.relu(values).square()}
)
"""Nonlinearities by name; `relu2` is that of Primer (arXiv 2109.08668)."""


class FeedForward(nn.Module):
    """Linear, nonlinearity, linear: (..., width) to (..., width).

    Args:
        width: of a token.
        inner: size between the linear layers.
        activation: a key of `ACTIVATIONS`.
        bias: whether the linear layers have a bias.
        dropout: share of the inner values dropped while training.
    """

    def __init__(
        self, width: int, inner: int, activation: str = "gelu", *, bias: bool = True, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.activation, self.dropout = ACTIVATIONS[activation], dropout
        self.rise = nn.Linear(width, inner, bias=bias)
        self.fall = nn.Linear(inner, width, bias=bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (..., width), each on its own."""
        inner = F.dropout(self.activation(self.rise(tokens)), self.dropout, self.training)
        changed: Tensor = self.fall(inner)
        return changed
