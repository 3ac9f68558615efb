"""`patch-merge`: consecutive feature tokens side by side, then one matrix (MiniGPT-v2).

Source: MiniGPT-v2 (arXiv 2310.09478, section 2.1): four tokens that follow one another in the encoder's output, which
are horizontal neighbours in an image, become one row, and a linear layer takes it to the LLM. With `norm: false` this
is that layer. The windows are those of `frame-stack`, whose layers are an MLP; those of `pixel-shuffle` are square.
The original drops no tokens, because its grid has 1024; here what is left over is followed by zeros.

Letters: N feature tokens, C channels, k stride, D the LLM's embedding size.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self, cast

from torch import Tensor, nn

from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.stacking import stacked, stacked_count
from macaw_cli.model.bridges.projection import ProjectionBridge

if TYPE_CHECKING:
    from macaw_cli.config.bridges.patch_merge import PatchMergeBridgeSettings
    from macaw_cli.model.configuration import MacawConfig


class PatchMergeBridge(ProjectionBridge):
    """(N, C) -> zeros up to a multiple of k -> (N/k, kC) -> LayerNorm -> Linear -> LayerNorm.

    Of a video, `stacked` says which tokens stand side by side.

    Args:
        channels: C.
        hidden_size: D.
        stride: k.
        norm: LayerNorm before and after, the latter calibrated to the embeddings' RMS.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    def __init__(self, channels: int, hidden_size: int, *, stride: int, norm: bool, unit: float = 0.02) -> None:
        row = stride * channels
        projection = nn.Linear(row, hidden_size)
        super().__init__(projection, channels=channels, row=row, hidden_size=hidden_size, norm=norm, unit=unit)
        self.stride = stride

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`."""
        settings = cast("PatchMergeBridgeSettings", config.bridge_settings(modality))
        channels, unit = config.feature_shapes[modality][-1], config.initial_embedding_std
        return cls(channels, config.embedding_size, stride=settings.stride, norm=settings.norm, unit=unit)

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """One per k feature tokens, rounded up; of a video with frames of at least k tokens, per frame."""
        return stacked_count(shape, cast("PatchMergeBridgeSettings", config.bridge_settings(modality)).stride)

    def rows(self, features: Tensor) -> Tensor:
        """(N, C) or (F, N, C) -> (soft tokens, kC)."""
        return stacked(features, self.stride)
