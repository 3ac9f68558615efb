"""Weights of single tokens in the loss, and what the loss finds out about each token on the way."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from macaw_cli.model.losses import IGNORED


@dataclass
class TokenWeights:
    """Goes into a forward pass with weights, and comes out with figures of every supervised token.

    The tokens stand in the order of `losses.supervised_places`.
    """

    weights: Tensor
    """(n,) fp32."""
    losses: Tensor | None = None
    """(n,) fp32: -log p of each token, not weighted."""
    squared_gradients: Tensor | None = None
    """(n,) fp32: squared length of the gradient of `losses` at the token's logits."""

    def prepare(self) -> None:
        """Make room for the figures."""
        self.losses = torch.empty_like(self.weights)
        self.squared_gradients = torch.empty_like(self.weights)

    def fill(self, rows: slice, losses: Tensor, gradients: Tensor) -> None:
        """Note the figures of some tokens.

        Args:
            rows: which ones.
            losses: (rows,).
            gradients: (rows, V) softmax - one_hot.
        """
        assert self.losses is not None and self.squared_gradients is not None
        self.losses[rows] = losses
        torch.sum(gradients.square(), dim=-1, out=self.squared_gradients[rows])


def weighted_sum(logits: Tensor, targets: Tensor, tokens: TokenWeights) -> Tensor:
    """The sum of weight x -log p over the tokens, a scalar in fp32, from whole logits.

    Args:
        logits: (B, P, V).
        targets: (B, P) ids, aligned with the logits that predict them; -100 is not counted.
        tokens: of the targets that count; its figures are filled in.
    """
    counted = targets != IGNORED
    seen, right = logits[counted].float(), targets[counted]
    losses = F.cross_entropy(seen, right, reduction="none")
    with torch.no_grad():
        tokens.prepare()
        change = seen.softmax(dim=-1).scatter_add_(1, right[:, None], -torch.ones_like(losses)[:, None])
        tokens.fill(slice(None), losses, change)
    return (losses * tokens.weights).sum()
