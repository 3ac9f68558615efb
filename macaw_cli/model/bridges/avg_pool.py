"""`avg-pool`: an image's tokens averaged down to fewer, with the layers of one of three published projectors.

Sources: Gemma 3 (arXiv 2503.19786, section 2.1) and `Gemma3MultiModalProjector`; Perception LM (arXiv 2504.13180,
section 3) and `PerceptionLMMultiModalProjector`; LLaVA-OneVision (arXiv 2408.03326, section 3.2) and the pooling of its
videos in transformers. With `norm: false` they compute the same, up to two things. Means commute with a linear layer,
so that the last one of an MLP stands behind the pooling here, where it costs 1/s² as much. And Gemma 3 drops what its
windows leave over at the right and below, where there is a mean of fewer tokens here.

Letters: T feature tokens, C channels, s scale, K soft tokens, D the LLM's embedding size.
"""

from collections.abc import Sequence
from math import ceil, prod
from typing import TYPE_CHECKING, Self, cast

import torch.nn.functional as F
from torch import Tensor, nn

from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.grid import Size, frames_and_size, is_square, per_size, window_of
from macaw_cli.model.blocks.norms import RMSNorm
from macaw_cli.model.bridges.grid import GridBridge, feature_tokens
from macaw_cli.model.bridges.stock_loaders import StockLoader

if TYPE_CHECKING:
    from macaw_cli.config.bridges.avg_pool import AvgPoolBridgeSettings
    from macaw_cli.model.configuration import MacawConfig


class AvgPoolBridge(GridBridge):
    """Grids of C channels, 1/s as many rows and columns, D channels.

    - `gemma3`: mean of s x s tokens -> RMSNorm(C) -> Linear, no bias
    - `perception-lm`: Linear -> GELU -> adaptive average pooling -> Linear
    - `llava-onevision`: Linear -> GELU -> bilinear interpolation -> Linear

    Args:
        channels: C.
        hidden_size: D.
        variant: which pooling and layers.
        scale: s.
        square: whether the grids are square.
        norm: LayerNorm behind the layers, calibrated to the embeddings' RMS.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    stock_loaders = (
        StockLoader(
            "Gemma3ForConditionalGeneration", "image", ("SiglipVisionModel",), {"variant": "gemma3", "norm": False},
            {"post_layernorm": True},
        ),
    )  # fmt: skip

    def __init__(
        self, channels: int, hidden_size: int, *,
        variant: str, scale: int, square: bool, norm: bool, unit: float = 0.02,
    ) -> None:  # fmt: skip
        super().__init__(channels, hidden_size, square=square, norm=norm, unit=unit)
        self.variant, self.window = variant, window_of(scale, square=square)
        if variant == "gemma3":
            self.linear_1: nn.Module = nn.Identity()
            self.linear_2: nn.Module = nn.Linear(channels, hidden_size, bias=False)
            self.norm: nn.Module = RMSNorm(channels)
        else:
            self.linear_1, self.linear_2 = nn.Linear(channels, hidden_size), nn.Linear(hidden_size, hidden_size)
            self.norm = nn.Identity()

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`."""
        settings = cast("AvgPoolBridgeSettings", config.bridge_settings(modality))
        return cls(
            config.feature_shapes[modality][-1], config.embedding_size, variant=settings.variant, scale=settings.scale,
            square=is_square(modality), norm=settings.norm, unit=config.initial_embedding_std,
        )  # fmt: skip

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """1/s² of the feature tokens: rows and columns are rounded down in `perception-lm` (but not to 0), else up.

        Raises:
            UsageError: an image's tokens make no square.
        """
        settings = cast("AvgPoolBridgeSettings", config.bridge_settings(modality))
        frames, size = frames_and_size(modality, shape)
        return frames * prod(_pooled(settings.variant, size, window_of(settings.scale, square=is_square(modality))))

    @staticmethod
    def extra_memory(config: "MacawConfig", modality: Modality, soft_tokens: int, value_bytes: int) -> float:
        """Where the first layer comes before the pooling: what it makes, and the GELU."""
        settings = cast("AvgPoolBridgeSettings", config.bridge_settings(modality))
        if settings.variant == "gemma3":
            return 0.0
        return 2 * feature_tokens(config, modality, soft_tokens) * config.embedding_size * value_bytes

    @staticmethod
    def extra_operations(config: "MacawConfig", modality: Modality, soft_tokens: int) -> float:
        """Where the first layer comes before the pooling: its product."""
        settings = cast("AvgPoolBridgeSettings", config.bridge_settings(modality))
        if settings.variant == "gemma3":
            return 0.0
        channels = config.feature_shapes[modality][-1]
        return 2 * feature_tokens(config, modality, soft_tokens) * channels * config.embedding_size

    def from_grids(self, tokens: Tensor, sizes: Sequence[Size]) -> Tensor:
        """(T, C) -> (K, D)."""
        if self.variant != "gemma3":
            tokens = F.gelu(self.linear_1(tokens))
        projected: Tensor = self.linear_2(self.norm(per_size(tokens, sizes, self._pool)))
        return projected

    def _pool(self, frames: Tensor) -> Tensor:
        """(B, h, w, channels) -> (B, fewer tokens, channels)."""
        images = frames.permute(0, 3, 1, 2)
        size = _pooled(self.variant, (frames.shape[1], frames.shape[2]), self.window)
        if self.variant == "gemma3":
            pooled = F.avg_pool2d(images, self.window, ceil_mode=True)
        elif self.variant == "perception-lm":
            pooled = F.adaptive_avg_pool2d(images, size)
        else:
            pooled = F.interpolate(images, size=size, mode="bilinear")
        return pooled.flatten(2).transpose(1, 2)


def _pooled(variant: str, size: Size, window: Size) -> Size:
    """Rows and columns behind the pooling."""
    if variant == "perception-lm":
        return max(1, size[0] // window[0]), max(1, size[1] // window[1])
    return ceil(size[0] / window[0]), ceil(size[1] / window[1])
