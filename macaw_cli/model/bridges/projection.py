"""What bridges that project feature tokens one by one have in common.

Letters: N feature tokens, C channels, K soft tokens of all media, D the LLM's embedding size.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from macaw_cli.model.bridges.bridge import Bridge, BridgeContext
from macaw_cli.model.bridges.calibrated_norm import CalibratedNorm
from macaw_cli.model.bridges.centering import Centering


class ProjectionBridge(Bridge):
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
        super().__init__()
        self.channels = channels
        self.centering = Centering(channels) if norm else None
        self.input_norm = nn.LayerNorm(row) if norm else None
        self.projection = projection
        self.output_norm = CalibratedNorm(hidden_size, unit) if norm else None

    def smallest_input(self) -> tuple[int, int]:
        """(1, C)."""
        return 1, self.channels

    def calibrate(self, embedding_matrix: Tensor) -> None:
        """Bring soft tokens to the RMS of the embedding matrix (V, D), where there are norms."""
        if self.output_norm is not None:
            self.output_norm.calibrate(embedding_matrix)

    @property
    def is_centered(self) -> bool:
        """True where there are norms."""
        return self.centering is not None

    def center(self, feature_mean: Tensor) -> None:
        """Read features around their mean (C,), where there are norms."""
        if self.centering is not None:
            self.centering.measured(feature_mean)

    def rows(self, features: Tensor) -> Tensor:
        """What is projected of one medium (N, C) or (F, N, C): one row per soft token."""
        return features.flatten(0, -2)

    def forward(self, features: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """Project the rows of all media at once: (K, D)."""
        media = features if self.centering is None else [self.centering(medium) for medium in features]
        rows = torch.cat([self.rows(medium) for medium in media])
        soft: Tensor = self.projection(rows if self.input_norm is None else self.input_norm(rows))
        return soft if self.output_norm is None else self.output_norm(soft)
