"""`c-abstractor`: convolutions around an average pooling, which keep what stands where (Honeybee).

Source: Honeybee (arXiv 2312.06742, section 4.1 and appendix A) and its published code, whose blocks are RegNet's (arXiv
2003.13678) with LayerNorm, SiLU and one group per channel, as timm's `RegStage` makes them. With `norm: false` it
computes the same. A grid of another size than the usual one gets positions in between; on audio, convolutions are 3
wide. Honeybee learns optional end-of-image tokens as well, which macaw's end tokens are.

Letters: T feature tokens of all frames, N of one, C channels, H hidden size, K soft tokens, D the LLM's embedding size.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.grid import Size, frames_and_size, grid_batch, in_grids, is_square, per_size
from macaw_cli.model.blocks.grid_layers import DepthwiseConvolution, SqueezeExcitation
from macaw_cli.model.blocks.grid_pooling import pooled_size, pooled_to
from macaw_cli.model.bridges.grid import GridBridge, feature_tokens

if TYPE_CHECKING:
    from macaw_cli.config.bridges.c_abstractor import CAbstractorBridgeSettings
    from macaw_cli.model.configuration import MacawConfig


class RegNetBlock(nn.Module):
    """Linear -> LN -> SiLU -> 3 x 3 by channel -> LN -> SiLU -> SE -> Linear -> LN -> + its input -> SiLU.

    Args:
        size: channels in.
        hidden: channels out; where they differ, the input goes through Linear -> LN.
        square: whether the grids are square.
    """

    def __init__(self, size: int, hidden: int, *, square: bool) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Linear(size, hidden, bias=False), nn.LayerNorm(hidden)
        self.conv2, self.norm2 = DepthwiseConvolution(hidden, square=square), nn.LayerNorm(hidden)
        squeezed = max(1, round(size / 4))
        self.excitation = SqueezeExcitation(hidden, squeezed, activation=nn.SiLU(), gate=nn.Sigmoid())
        self.conv3, self.norm3 = nn.Linear(hidden, hidden, bias=False), nn.LayerNorm(hidden)
        shortcut = nn.Sequential(nn.Linear(size, hidden, bias=False), nn.LayerNorm(hidden))
        self.shortcut = nn.Identity() if size == hidden else shortcut

    def forward(self, values: Tensor, *, outside: Tensor | None = None) -> Tensor:
        """(B, h, w, size) -> (B, h, w, hidden)."""
        seen = self.conv2(F.silu(self.norm1(self.conv1(values))), outside=outside)
        excited = self.excitation(F.silu(self.norm2(seen)), outside=outside)
        return F.silu(self.norm3(self.conv3(excited)) + self.shortcut(values))


class CAbstractorBridge(GridBridge):
    """(T, C) + positions -> blocks -> adaptive average pooling to K per frame -> blocks -> MLP with SiLU -> (K, D).

    Args:
        channels: C.
        hidden_size: D.
        grid: rows and columns of the learned positions.
        pooled: rows and columns behind the pooling.
        depth: blocks before and behind the pooling.
        layers: linear layers of the MLP.
        hidden: H.
        square: whether the grids are square.
        norm: LayerNorm behind the layers, calibrated to the embeddings' RMS.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    def __init__(  # noqa: PLR0913 - sizes are keywords
        self, channels: int, hidden_size: int, *, grid: Size, pooled: Size, depth: int, layers: int, hidden: int,
        square: bool, norm: bool, unit: float = 0.02,
    ) -> None:  # fmt: skip
        super().__init__(channels, hidden_size, square=square, norm=norm, unit=unit)
        self.pooled = pooled
        self.positions = nn.Parameter(nn.init.trunc_normal_(torch.empty(*grid, channels), std=0.02))
        widths = [channels, *[hidden] * (2 * depth)]
        blocks = [RegNetBlock(size, hidden, square=square) for size in widths[:-1]]
        self.before, self.behind = nn.ModuleList(blocks[:depth]), nn.ModuleList(blocks[depth:])
        steps: list[nn.Module] = [nn.Linear(hidden, hidden_size)]
        for _ in range(layers - 1):
            steps += [nn.SiLU(), nn.Linear(hidden_size, hidden_size)]
        self.readout = nn.Sequential(*steps)

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`.

        Raises:
            UsageError: an image's tokens, or the wanted ones, make no square.
        """
        settings = cast("CAbstractorBridgeSettings", config.bridge_settings(modality))
        shape = config.feature_shapes[modality]
        return cls(
            shape[-1], config.embedding_size, grid=frames_and_size(modality, shape)[1],
            pooled=pooled_size(config, modality, settings.tokens), depth=settings.depth, layers=settings.layers,
            hidden=settings.hidden or shape[-1], square=is_square(modality), norm=settings.norm,
            unit=config.initial_embedding_std,
        )  # fmt: skip

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """A fixed number per medium; of a video, per frame.

        Raises:
            UsageError: an image's tokens, or the wanted ones, make no square.
        """
        settings = cast("CAbstractorBridgeSettings", config.bridge_settings(modality))
        frames, _ = frames_and_size(modality, shape)
        h, w = pooled_size(config, modality, settings.tokens)
        return frames * h * w

    def initialise(self) -> None:
        """Positions start small."""
        init.trunc_normal_(self.positions, std=0.02)

    @staticmethod
    def extra_memory(config: "MacawConfig", modality: Modality, soft_tokens: int, value_bytes: int) -> float:
        """What the blocks make of each token before and behind the pooling: some 12 vectors."""
        settings = cast("CAbstractorBridgeSettings", config.bridge_settings(modality))
        tokens = feature_tokens(config, modality, soft_tokens) + soft_tokens
        hidden = settings.hidden or config.feature_shapes[modality][-1]
        return 12 * settings.depth * tokens * hidden * value_bytes

    @staticmethod
    def extra_operations(config: "MacawConfig", modality: Modality, soft_tokens: int) -> float:
        """The two matrices of each block."""
        settings = cast("CAbstractorBridgeSettings", config.bridge_settings(modality))
        tokens = feature_tokens(config, modality, soft_tokens) + soft_tokens
        hidden = settings.hidden or config.feature_shapes[modality][-1]
        return 4 * settings.depth * tokens * hidden**2

    def from_grids(self, tokens: Tensor, sizes: Sequence[Size]) -> Tensor:
        """(T, C) -> (K, D)."""
        values, outside = grid_batch(per_size(tokens, sizes, self._placed), sizes)
        for block in self.before:
            values = block(values, outside=outside)
        pooled = per_size(in_grids(values, sizes), sizes, lambda frames: pooled_to(self.pooled, frames))
        values = pooled.view(len(sizes), *self.pooled, -1)
        for block in self.behind:
            values = block(values)
        soft: Tensor = self.readout(values.flatten(0, 2))
        return soft

    def _placed(self, frames: Tensor) -> Tensor:
        """Frames (B, h, w, C) with their positions, (B, N, C)."""
        positions: Tensor = self.positions
        size = (frames.shape[1], frames.shape[2])
        if positions.shape[:2] != size:
            images = positions.permute(2, 0, 1)[None]
            positions = F.interpolate(images, size=size, mode="bilinear", align_corners=False)[0].permute(1, 2, 0)
        return (frames + positions).flatten(1, 2)
