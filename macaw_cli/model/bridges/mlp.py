"""`mlp`: linear layers with GELU between them, one soft token per feature token.

Source: LLaVA 1.5 (arXiv 2310.03744, "MLP vision-language connector") and `mlp2x_gelu` of its code.
"""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Self, cast

from torch import nn

from macaw_cli.modalities.table import Modality
from macaw_cli.model.bridges.projection import ProjectionBridge
from macaw_cli.model.bridges.stock_loaders import StockLoader

if TYPE_CHECKING:
    from macaw_cli.config.bridges.mlp import MlpBridgeSettings
    from macaw_cli.model.configuration import MacawConfig

CLIP = ("CLIPVisionModel", "CLIPVisionModelWithProjection")


class MlpBridge(ProjectionBridge):
    """(N, C) -> (N, D) through `layers` matrices, the first C x D and the others D x D.

    Args:
        channels: C.
        hidden_size: D.
        layers: number of matrices, at least 1.
        norm: LayerNorm before and after, the latter calibrated to the embeddings' RMS.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    stock_loaders = (
        StockLoader(
            "LlavaForConditionalGeneration", "image", (*CLIP, "SiglipVisionModel"), {"layers": (2, 1), "norm": False},
            {"layer": int, "cls": ("drop", "keep")},
        ),
        # behind a tower with a class token llama.cpp takes the wrong rows (its issue 25814)
        StockLoader(
            "llama.cpp mlp", "image", ("SiglipVisionModel",), {"layers": 2, "norm": False},
            {"layer": int, "post_layernorm": (False, True)},
        ),
        StockLoader("llama.cpp glma", "audio", ("WhisperEncoder",), {"layers": 2, "norm": False}),
    )  # fmt: skip

    def __init__(self, channels: int, hidden_size: int, layers: int, *, norm: bool = False, unit: float = 0.02) -> None:
        steps: list[nn.Module] = [nn.Linear(channels, hidden_size)]
        for _ in range(layers - 1):
            steps += [nn.GELU(), nn.Linear(hidden_size, hidden_size)]
        projection = nn.Sequential(*steps)
        super().__init__(projection, channels=channels, row=channels, hidden_size=hidden_size, norm=norm, unit=unit)

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`."""
        settings = cast("MlpBridgeSettings", config.bridge_settings(modality))
        channels, unit = config.feature_shapes[modality][-1], config.initial_embedding_std
        return cls(channels, config.embedding_size, settings.layers, norm=settings.norm, unit=unit)

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """One per feature token."""
        return prod(shape[:-1])
