"""What bridges that project feature tokens one by one have in common.

Letters: N feature tokens, C channels, K soft tokens of all media, D the LLM's embedding size.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.normed import NormedBridge


class ProjectionBridge(NormedBridge):
    """Rows of features -> (centering -> LayerNorm ->) projection (-> LayerNorm calibrated to the embeddings' RMS).

    Args:
        projection: (K, row size) -> (K, D).
        channels: C.
        row: size of what is projected; C, or a multiple where several tokens make one row.
        hidden_size: D.
        norm: whether there are norms.
        unit: RMS of soft tokens with norms until `calibrate` has measured the embedding matrix.
    """

    def __init__(
        self, projection: nn.Module, *, channels: int, row: int, hidden_size: int, norm: bool, unit: float
    ) -> None:
        super().__init__(channels, hidden_size, norm=norm, unit=unit)
        self.input_norm = nn.LayerNorm(row) if norm else None
        self.projection = projection

    def rows(self, features: Tensor) -> Tensor:
        """What is projected of one medium (N, C) or (F, N, C): one row per soft token."""
        return features.flatten(0, -2)

    def soft(self, media: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """Project the rows of all media at once: (K, D)."""
        rows = torch.cat([self.rows(medium) for medium in media])
        projected: Tensor = self.projection(rows if self.input_norm is None else self.input_norm(rows))
        return projected
