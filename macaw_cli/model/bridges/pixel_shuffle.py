"""`pixel-shuffle`: neighbouring tokens of an image side by side, then layers of one of four published projectors.

Sources: pixel shuffle as a connector in InternVL 1.5 (arXiv 2404.16821, section 3.1) and Idefics 3 (arXiv 2408.12637,
section 3); the patch merger in Qwen2-VL (arXiv 2409.12191, section 2.1). The layers are those of `Idefics3Connector`,
`InternVLMultiModalProjector`, `Qwen3VLVisionPatchMerger` and `Cohere2VisionMultiModalProjector` of transformers.
With `norm: false` they are computed as there. Their grids are divisible by s; others are filled up with zeros here.

Letters: N feature tokens on a grid of h x h, C channels, s scale, D the LLM's embedding size, I hidden size.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self, cast

import torch.nn.functional as F
from torch import Tensor, nn

from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.grid import Size, is_square, per_size, windows
from macaw_cli.model.bridges.grid import WindowBridge
from macaw_cli.model.bridges.stock_loaders import StockLoader

if TYPE_CHECKING:
    from macaw_cli.config.bridges.pixel_shuffle import PixelShuffleBridgeSettings
    from macaw_cli.model.configuration import MacawConfig


class PixelShuffleBridge(WindowBridge):
    """(h, h, C) -> windows of s x s -> (N/s², s²C) -> the layers of a variant -> (N/s², D).

    - `linear`: Linear, no bias
    - `mlp`: LayerNorm(s²C) -> Linear -> GELU -> Linear
    - `merger`: LayerNorm(C) -> Linear(s²C, s²C) -> GELU -> Linear
    - `swiglu`: Linear(s²C, 2I) -> x, gate -> x · SiLU(gate) -> Linear(I, D)

    Args:
        channels: C.
        hidden_size: D.
        variant: which layers.
        scale: s.
        hidden: I.
        square: whether the grids are square.
        norm: LayerNorm behind the layers, calibrated to the embeddings' RMS, and before those that have none.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    stock_loaders = (
        StockLoader(
            "Idefics3ForConditionalGeneration", "image", ("Idefics3VisionTransformer",),
            {"variant": "linear", "norm": False}, {"post_layernorm": True},
        ),
        StockLoader(
            "InternVLForConditionalGeneration", "image", ("InternVLVisionModel",), {"variant": "mlp", "norm": False},
            {"layer": int, "post_layernorm": (False, True)},
        ),
    )  # fmt: skip

    def __init__(
        self, channels: int, hidden_size: int, *,
        variant: str, scale: int, hidden: int, square: bool, norm: bool, unit: float = 0.02,
    ) -> None:  # fmt: skip
        super().__init__(channels, hidden_size, scale=scale, square=square, norm=norm, unit=unit)
        row = scale * scale * channels
        self.input_norm = nn.LayerNorm(row) if norm and variant in ("linear", "swiglu") else None
        self.projection = _layers(variant, channels, row, hidden, hidden_size)

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`."""
        settings = cast("PixelShuffleBridgeSettings", config.bridge_settings(modality))
        return cls(
            config.feature_shapes[modality][-1], config.embedding_size, variant=settings.variant, scale=settings.scale,
            hidden=settings.hidden or 2 * config.embedding_size, square=is_square(modality), norm=settings.norm,
            unit=config.initial_embedding_std,
        )  # fmt: skip

    def from_grids(self, tokens: Tensor, sizes: Sequence[Size]) -> Tensor:
        """Project the windows of all frames at once: (K, D)."""
        rows = per_size(tokens, sizes, lambda frames: windows(frames, self.window).flatten(2))
        projected: Tensor = self.projection(rows if self.input_norm is None else self.input_norm(rows))
        return projected


class _Gate(nn.Module):
    """(..., 2I) -> (..., I): the first half times SiLU of the second."""

    def forward(self, values: Tensor) -> Tensor:
        kept, gate = values.chunk(2, dim=-1)
        return F.silu(gate) * kept


def _layers(variant: str, channels: int, row: int, hidden: int, hidden_size: int) -> nn.Module:
    """(K, s²C) -> (K, D), with the names that the layers have in transformers."""
    if variant == "linear":
        return nn.Linear(row, hidden_size, bias=False)
    layers: dict[str, nn.Module]
    if variant == "mlp":
        layers = {
            "layer_norm": nn.LayerNorm(row), "linear_1": nn.Linear(row, hidden_size), "act": nn.GELU(),
            "linear_2": nn.Linear(hidden_size, hidden_size),
        }  # fmt: skip
    elif variant == "merger":
        layers = {
            "tokens": nn.Unflatten(-1, (row // channels, channels)), "norm": nn.LayerNorm(channels, eps=1e-6),
            "row": nn.Flatten(-2), "linear_fc1": nn.Linear(row, row), "act_fn": nn.GELU(),
            "linear_fc2": nn.Linear(row, hidden_size),
        }  # fmt: skip
    else:
        layers = {"linear_1": nn.Linear(row, 2 * hidden), "act": _Gate(), "linear_2": nn.Linear(hidden, hidden_size)}
    return nn.Sequential(OrderedDict(layers))
