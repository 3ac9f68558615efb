"""`frame-stack`: consecutive feature tokens side by side, then an MLP (Voxtral, GLM-ASR, SLAM-LLM).

Sources: Voxtral (arXiv 2507.13264, section 2.2: 4 frames, no bias), `VoxtralMultiModalProjector` and
`GlmAsrMultiModalProjector` of transformers. With `norm: false` the layers are theirs: Voxtral's with `bias: false` and
`hidden` the LLM's hidden size, GLM-ASR's with `hidden` twice that.

Letters: N feature tokens, F frames, C channels, k stride, D the LLM's embedding size.
"""

from collections.abc import Sequence
from math import ceil, prod
from typing import TYPE_CHECKING, Self, cast

import torch.nn.functional as F
from torch import Tensor, nn

from macaw_cli.modalities.table import Modality
from macaw_cli.model.bridges.projection import ProjectionBridge

if TYPE_CHECKING:
    from macaw_cli.config.bridges.frame_stack import FrameStackBridgeSettings
    from macaw_cli.model.configuration import MacawConfig


class FrameStackBridge(ProjectionBridge):
    """(N, C) -> zeros up to a multiple of k -> (N/k, kC) -> LayerNorm -> Linear -> GELU -> Linear -> LayerNorm.

    A video's frames of at least k tokens are filled up one by one, so that no window holds tokens of two frames and a
    channel always means the same places of a frame. Smaller frames, such as one vector each, stand one after the other
    and are stacked over time.

    Args:
        channels: C.
        hidden_size: D.
        stride: k.
        hidden: size between the linear layers.
        bias: whether these have a bias.
        norm: LayerNorm before and after, the latter calibrated to the embeddings' RMS.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    def __init__(
        self, channels: int, hidden_size: int, *, stride: int, hidden: int, bias: bool, norm: bool, unit: float = 0.02
    ) -> None:
        row = stride * channels
        first, last = nn.Linear(row, hidden, bias=bias), nn.Linear(hidden, hidden_size, bias=bias)
        projection = nn.Sequential(first, nn.GELU(), last)
        super().__init__(projection, channels=channels, row=row, hidden_size=hidden_size, norm=norm, unit=unit)
        self.stride = stride

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`."""
        settings = cast("FrameStackBridgeSettings", config.bridge_settings(modality))
        return cls(
            config.feature_shapes[modality][-1], config.embedding_size, stride=settings.stride,
            hidden=settings.hidden or 2 * config.embedding_size, bias=settings.bias, norm=settings.norm,
            unit=config.initial_embedding_std,
        )  # fmt: skip

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """One per k feature tokens, rounded up; of a video with frames of at least k tokens, per frame."""
        settings = cast("FrameStackBridgeSettings", config.bridge_settings(modality))
        sequences, tokens = _sequences(shape, settings.stride)
        return sequences * ceil(tokens / settings.stride)

    def rows(self, features: Tensor) -> Tensor:
        """(N, C) or (F, N, C) -> (soft tokens, kC)."""
        sequences, tokens = _sequences(features.shape, self.stride)
        filled = F.pad(features.reshape(sequences, tokens, self.channels), (0, 0, 0, -tokens % self.stride))
        return filled.reshape(-1, self.stride * self.channels)


def _sequences(shape: Sequence[int], stride: int) -> tuple[int, int]:
    """How many sequences are stacked, each on its own, and the tokens of one: frames, or all tokens at once."""
    by_frame = len(shape) > 2 and shape[-2] >= stride
    return (prod(shape[:-2]), shape[-2]) if by_frame else (1, prod(shape[:-1]))
