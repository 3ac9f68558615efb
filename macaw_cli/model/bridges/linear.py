"""`linear`: one matrix, one soft token per feature token.

Sources: LLaVA (arXiv 2304.08485, section 4.1, equation 1) and MiniGPT-4 (arXiv 2304.10592, section 3).
"""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Self, cast

from torch import nn

from macaw_cli.modalities.table import Modality
from macaw_cli.model.bridges.projection import ProjectionBridge
from macaw_cli.model.bridges.stock_loaders import StockLoader

if TYPE_CHECKING:
    from macaw_cli.config.bridges.linear import LinearBridgeSettings
    from macaw_cli.model.configuration import MacawConfig


class LinearBridge(ProjectionBridge):
    """(N, C) -> (N, D); a video's frames stand one after the other.

    Args:
        channels: C.
        hidden_size: D.
        norm: LayerNorm before and after, the latter calibrated to the embeddings' RMS.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    stock_loaders = (
        StockLoader(
            "LlavaForConditionalGeneration", "image",
            ("CLIPVisionModel", "CLIPVisionModelWithProjection", "SiglipVisionModel"), {"norm": False},
            {"layer": int, "cls": ("drop", "keep")},
        ),
        StockLoader("Qwen2AudioForConditionalGeneration", "audio", ("Qwen2AudioEncoder",), {"norm": False}),
    )  # fmt: skip

    def __init__(self, channels: int, hidden_size: int, *, norm: bool = False, unit: float = 0.02) -> None:
        projection = nn.Linear(channels, hidden_size)
        super().__init__(projection, channels=channels, row=channels, hidden_size=hidden_size, norm=norm, unit=unit)

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`."""
        settings = cast("LinearBridgeSettings", config.bridge_settings(modality))
        channels, unit = config.feature_shapes[modality][-1], config.initial_embedding_std
        return cls(channels, config.embedding_size, norm=settings.norm, unit=unit)

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """One per feature token."""
        return prod(shape[:-1])
