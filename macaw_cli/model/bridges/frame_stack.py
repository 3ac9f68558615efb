"""`frame-stack`: consecutive feature tokens side by side, then an MLP (Voxtral, GLM-ASR, SLAM-LLM).

Sources: Voxtral (arXiv 2507.13264, section 2.2: 4 frames, no bias), `VoxtralMultiModalProjector` and
`GlmAsrMultiModalProjector` of transformers, SLAM-LLM (arXiv 2402.08846, section 3.1) and `EncoderProjectorConcat` of
its code. With `norm: false` the layers are theirs: Voxtral's with `bias: false` and `hidden` the LLM's hidden size,
GLM-ASR's with `remainder: drop` and `hidden` twice that, SLAM-LLM's with `stride: 5, hidden: 2048, activation: relu,
remainder: drop`.

Letters: N feature tokens, F frames, C channels, k stride, D the LLM's embedding size.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self, cast

from torch import Tensor, nn

from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.stacking import stacked, stacked_count
from macaw_cli.model.bridges.projection import ProjectionBridge
from macaw_cli.model.bridges.stock_loaders import StockLoader

if TYPE_CHECKING:
    from macaw_cli.config.bridges.frame_stack import FrameStackBridgeSettings
    from macaw_cli.model.configuration import MacawConfig

ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU}


class FrameStackBridge(ProjectionBridge):
    """(N, C) -> zeros up to a multiple of k -> (N/k, kC) -> LayerNorm -> Linear -> GELU -> Linear -> LayerNorm.

    Of a video, `stacked` says which tokens stand side by side.

    Args:
        channels: C.
        hidden_size: D.
        stride: k.
        hidden: size between the linear layers.
        bias: whether these have a bias.
        norm: LayerNorm before and after, the latter calibrated to the embeddings' RMS.
        activation: between the linear layers, a key of `ACTIVATIONS`.
        drop: leave out the last tokens where they are fewer than k.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    stock_loaders = (
        StockLoader(
            "VoxtralForConditionalGeneration", "audio", ("WhisperEncoder",),
            {"activation": "gelu", "bias": False, "norm": False},
        ),
        StockLoader(
            "GlmAsrForConditionalGeneration", "audio", ("GlmAsrEncoder",),
            {"activation": "gelu", "bias": True, "norm": False, "remainder": "drop"},
        ),
        StockLoader("llama.cpp glma", "audio", ("WhisperEncoder",), {"activation": "gelu", "norm": False}),
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - sizes are keywords
        self, channels: int, hidden_size: int, *, stride: int, hidden: int, bias: bool, norm: bool,
        activation: str = "gelu", drop: bool = False, unit: float = 0.02,
    ) -> None:  # fmt: skip
        row = stride * channels
        first, last = nn.Linear(row, hidden, bias=bias), nn.Linear(hidden, hidden_size, bias=bias)
        projection = nn.Sequential(first, ACTIVATIONS[activation](), last)
        super().__init__(projection, channels=channels, row=row, hidden_size=hidden_size, norm=norm, unit=unit)
        self.stride, self.drop = stride, drop

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`."""
        settings = cast("FrameStackBridgeSettings", config.bridge_settings(modality))
        return cls(
            config.feature_shapes[modality][-1], config.embedding_size, stride=settings.stride,
            hidden=settings.hidden or 2 * config.embedding_size, bias=settings.bias, norm=settings.norm,
            activation=settings.activation, drop=settings.remainder == "drop", unit=config.initial_embedding_std,
        )  # fmt: skip

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """One per k feature tokens, rounded up, or down with `drop`; of a video with frames of k tokens, per frame."""
        settings = cast("FrameStackBridgeSettings", config.bridge_settings(modality))
        return stacked_count(shape, settings.stride, drop=settings.remainder == "drop")

    def rows(self, features: Tensor) -> Tensor:
        """(N, C) or (F, N, C) -> (soft tokens, kC)."""
        return stacked(features, self.stride, drop=self.drop)
