"""`attention-pool`: the mean of a window of feature tokens attends to them, and becomes one soft token.

Source: Molmo (arXiv 2409.17146, section 2, "connector") and `Molmo2Adapter` of transformers, with `norm: false`. Molmo
reads two layers of its encoder with their channels side by side; here the features are one layer's.

Letters: N feature tokens on a grid of h x h, C channels, s scale, K soft tokens of all media, D the LLM's embedding
size.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self, cast

from torch import Tensor

from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.attention import Attention, heads_of
from macaw_cli.model.blocks.bidirectional_layers import GatedMlp
from macaw_cli.model.blocks.grid import Size, is_square, per_size, windows
from macaw_cli.model.bridges.grid import WindowBridge, feature_tokens

if TYPE_CHECKING:
    from macaw_cli.config.bridges.attention_pool import AttentionPoolBridgeSettings
    from macaw_cli.model.configuration import MacawConfig


class AttentionPoolBridge(WindowBridge):
    """(h, h, C) -> windows of s x s -> attention from the mean of each to its tokens -> gated MLP -> (N/s², D).

    Args:
        channels: C.
        hidden_size: D.
        scale: s.
        heads: of the attention.
        inner: width of the MLP.
        square: whether the grids are square.
        norm: features around their mean, and an output norm calibrated to the embeddings' RMS.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    def __init__(
        self, channels: int, hidden_size: int, *, scale: int, heads: int, inner: int, square: bool, norm: bool,
        unit: float = 0.02,
    ) -> None:  # fmt: skip
        super().__init__(channels, hidden_size, scale=scale, square=square, norm=norm, unit=unit)
        self.pooling = Attention(channels, channels, heads)
        self.projection = GatedMlp(channels, inner, hidden_size)

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`.

        Raises:
            UsageError: the heads do not divide C.
        """
        settings = cast("AttentionPoolBridgeSettings", config.bridge_settings(modality))
        channels = config.feature_shapes[modality][-1]
        return cls(
            channels, config.embedding_size, scale=settings.scale, inner=settings.inner or 2 * config.embedding_size,
            heads=heads_of(f"{modality} features", channels, settings.heads), square=is_square(modality),
            norm=settings.norm, unit=config.initial_embedding_std,
        )  # fmt: skip

    @staticmethod
    def extra_memory(config: "MacawConfig", modality: Modality, soft_tokens: int, value_bytes: int) -> float:
        """What is kept of each feature token: itself in its window, its key and its value."""
        tokens = feature_tokens(config, modality, soft_tokens)
        return 3 * tokens * config.feature_shapes[modality][-1] * value_bytes

    @staticmethod
    def extra_operations(config: "MacawConfig", modality: Modality, soft_tokens: int) -> float:
        """The matrices of keys and values."""
        return 4 * feature_tokens(config, modality, soft_tokens) * config.feature_shapes[modality][-1] ** 2

    def from_grids(self, tokens: Tensor, sizes: Sequence[Size]) -> Tensor:
        """Pool the windows of all frames at once: (K, D)."""
        rows = per_size(tokens, sizes, lambda frames: windows(frames, self.window))
        inside = per_size(tokens.new_ones(tokens.shape[0], 1), sizes, lambda frames: windows(frames, self.window))
        mean = rows.sum(dim=1, keepdim=True) / inside.sum(dim=1, keepdim=True)
        soft: Tensor = self.projection(self.pooling(mean, rows, inside[..., 0] > 0)[:, 0])
        return soft
