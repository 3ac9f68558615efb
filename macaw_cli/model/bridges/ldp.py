"""`ldp`: an MLP, then few weights that see neighbouring tokens (MobileVLM's lightweight downsample projectors).

Sources: LDP of MobileVLM (arXiv 2312.16886, section 3.3), LDPv2 of MobileVLM V2 (arXiv 2402.03766, section 3.3), and
their published code. With `norm: false` both compute the same as there. In v2 means commute with a linear layer, so
that the MLP's last one stands behind the pooling here. On audio the convolutions are 3 wide, and v1 leaves N/2 tokens.

Letters: T feature tokens of all frames, C channels, K soft tokens, D the LLM's embedding size.
"""

from collections.abc import Sequence
from math import ceil, prod
from typing import TYPE_CHECKING, Self, cast

from torch import Tensor, nn

from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.grid import Size, frames_and_size, grid_batch, in_grids, is_square, per_size
from macaw_cli.model.blocks.grid_layers import DepthwiseConvolution, SqueezeExcitation
from macaw_cli.model.blocks.grid_pooling import pooled_size, pooled_to
from macaw_cli.model.bridges.grid import GridBridge, feature_tokens

if TYPE_CHECKING:
    from macaw_cli.config.bridges.ldp import LdpBridgeSettings
    from macaw_cli.model.configuration import MacawConfig


class InvertedResidual(nn.Module):
    """MobileNetV3's block without expansion: 3 x 3 by channel -> LN -> HS -> SE -> Linear -> LN (-> + its input).

    Args:
        size: channels.
        square: whether the grids are square.
        stride: 1, with the residual connection, or 2.
    """

    def __init__(self, size: int, *, square: bool, stride: int) -> None:
        super().__init__()
        squeezed = _eight_divides(size // 4)
        self.depthwise, self.norm = DepthwiseConvolution(size, square=square, stride=stride), nn.LayerNorm(size)
        self.excitation = SqueezeExcitation(size, squeezed, activation=nn.ReLU(), gate=nn.Hardsigmoid())
        self.project, self.project_norm = nn.Linear(size, size, bias=False), nn.LayerNorm(size)
        self.activation, self.residual = nn.Hardswish(), stride == 1

    def forward(self, values: Tensor, *, outside: Tensor | None = None) -> Tensor:
        """(B, h, w, size) -> the same, or half as many rows and columns."""
        seen = self.activation(self.norm(self.depthwise(values, outside=outside)))
        excited = self.excitation(seen, outside=self.depthwise.still_outside(outside))
        made: Tensor = self.project_norm(self.project(excited))
        return values + made if self.residual else made


class LdpBridge(GridBridge):
    """Tokens (T, C) -> Linear -> GELU -> Linear -> fewer tokens (K, D).

    - `v1`: an inverted residual block of stride 1, and one of stride 2
    - `v2`: adaptive average pooling -> x + 3 x 3 convolution by channel (x)

    Args:
        channels: C.
        hidden_size: D.
        pooled: rows and columns of v2; None is v1.
        square: whether the grids are square.
        norm: LayerNorm behind the layers, calibrated to the embeddings' RMS.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    def __init__(
        self, channels: int, hidden_size: int, *, pooled: Size | None, square: bool, norm: bool, unit: float = 0.02
    ) -> None:
        super().__init__(channels, hidden_size, square=square, norm=norm, unit=unit)
        self.linear_1, self.activation = nn.Linear(channels, hidden_size), nn.GELU()
        self.linear_2, self.pooled = nn.Linear(hidden_size, hidden_size), pooled
        self.blocks = self.places = None
        if pooled is None:
            blocks = [InvertedResidual(hidden_size, square=square, stride=stride) for stride in (1, 2)]
            self.blocks = nn.ModuleList(blocks)
        else:
            self.places = DepthwiseConvolution(hidden_size, square=square, bias=True)

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`.

        Raises:
            UsageError: an image's tokens make no square.
        """
        settings = cast("LdpBridgeSettings", config.bridge_settings(modality))
        return cls(
            config.feature_shapes[modality][-1], config.embedding_size,
            pooled=None if settings.variant == "v1" else pooled_size(config, modality, settings.tokens),
            square=is_square(modality), norm=settings.norm, unit=config.initial_embedding_std,
        )  # fmt: skip

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """v1: half as many rows and columns, rounded up; v2: a fixed number per medium; of a video, per frame.

        Raises:
            UsageError: an image's tokens, or the wanted ones, make no square.
        """
        settings = cast("LdpBridgeSettings", config.bridge_settings(modality))
        frames, size = frames_and_size(modality, shape)
        v1 = settings.variant == "v1"
        return frames * prod(_halved(size) if v1 else pooled_size(config, modality, settings.tokens))

    @staticmethod
    def extra_memory(config: "MacawConfig", modality: Modality, soft_tokens: int, value_bytes: int) -> float:
        """What the layers before the pooling, or before the stride, make of each feature token."""
        settings = cast("LdpBridgeSettings", config.bridge_settings(modality))
        kept = 12 if settings.variant == "v1" else 2
        return kept * feature_tokens(config, modality, soft_tokens) * config.embedding_size * value_bytes

    @staticmethod
    def extra_operations(config: "MacawConfig", modality: Modality, soft_tokens: int) -> float:
        """The matrices before the pooling, or before the stride."""
        settings = cast("LdpBridgeSettings", config.bridge_settings(modality))
        wide = 2 * config.embedding_size if settings.variant == "v1" else 0
        row = config.feature_shapes[modality][-1] + wide
        return 2 * feature_tokens(config, modality, soft_tokens) * row * config.embedding_size

    def from_grids(self, tokens: Tensor, sizes: Sequence[Size]) -> Tensor:
        """(T, C) -> (K, D)."""
        tokens = self.activation(self.linear_1(tokens))
        if self.blocks is not None:
            values, outside = grid_batch(self.linear_2(tokens), sizes)
            for block in self.blocks:
                values = block(values, outside=outside)
            return in_grids(values, [_halved(size) for size in sizes])
        size = cast(Size, self.pooled)
        pooled = self.linear_2(per_size(tokens, sizes, lambda frames: pooled_to(size, frames)))
        grids = pooled.view(len(sizes), *size, -1)
        placed: Tensor = grids + cast("DepthwiseConvolution", self.places)(grids)
        return placed.flatten(0, 2)


def _halved(size: Size) -> Size:
    """Rows and columns behind a stride of 2; a single row stays one."""
    return ceil(size[0] / 2), ceil(size[1] / 2)


def _eight_divides(size: int) -> int:
    """The multiple of 8 next to a size, at least 8 and not below 0.9 of it, as MobileNet rounds channels."""
    rounded = max(8, (size + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * size else rounded
