"""What bridges with `norm` have in common: centered features before the design, soft tokens as large as words after it.

Letters: N feature tokens, C channels, K soft tokens of all media, D the LLM's embedding size.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from macaw_cli.model.bridges.bridge import Bridge, BridgeContext
from macaw_cli.model.bridges.calibrated_norm import CalibratedNorm
from macaw_cli.model.bridges.centering import Centering


class NormedBridge(Bridge):
    """(Centering ->) the design (-> LayerNorm calibrated to the embeddings' RMS).

    A subclass implements `soft`, `from_config` and `soft_tokens`. Without norms it is the design as published; a norm
    that the design itself ends with is `own_norm`, in whose place the calibrated one stands.

    Args:
        channels: C.
        hidden_size: D.
        norm: whether there are norms.
        unit: RMS of soft tokens with norms until `calibrate` has measured the embedding matrix.
        own_norm: what the published design ends with, over D, if that is a norm.
    """

    def __init__(
        self, channels: int, hidden_size: int, *, norm: bool, unit: float, own_norm: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.channels = channels
        self.centering = Centering(channels) if norm else None
        self.output_norm = CalibratedNorm(hidden_size, unit) if norm else own_norm

    def smallest_input(self) -> tuple[int, int]:
        """(1, C)."""
        return 1, self.channels

    def calibrate(self, embedding_matrix: Tensor) -> None:
        """Bring soft tokens to the RMS of the embedding matrix (V, D), where there are norms."""
        if isinstance(self.output_norm, CalibratedNorm):
            self.output_norm.calibrate(embedding_matrix)

    @property
    def is_centered(self) -> bool:
        """True where there are norms."""
        return self.centering is not None

    def center(self, feature_mean: Tensor) -> None:
        """Read features around their mean (C,), where there are norms."""
        if self.centering is not None:
            self.centering.measured(feature_mean)

    def soft(self, media: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """The design: features of all media, (N, C) or (F, N, C) each, to (K, D)."""
        raise NotImplementedError

    def forward(self, features: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """Soft tokens (K, D) of all media, one after the other."""
        media = features if self.centering is None else self.centering.centered(features)
        soft = self.soft(media, context)
        normed: Tensor = soft if self.output_norm is None else self.output_norm(soft)
        return normed
