"""What bridges have in common whose features lie on a grid.

Letters: T feature tokens of all frames, N of one frame, C channels, K soft tokens, D the LLM's embedding size.
"""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from torch import Tensor

from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.grid import Size, frames_and_size, is_square, side_by_side, window_grid, window_of
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.normed import NormedBridge

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig


class GridBridge(NormedBridge):
    """(Centering ->) frames of all media on their grids -> the design (-> LayerNorm calibrated to the embeddings' RMS).

    An image and each frame of a video are √N by √N tokens; features of other encoders are one row, on which a window of
    s by s tokens is one of s² consecutive tokens. A subclass implements `from_grids`, `from_config` and `soft_tokens`.

    Args:
        channels: C.
        hidden_size: D.
        square: whether the grids are square.
        norm: whether there are norms.
        unit: RMS of soft tokens with norms until `calibrate` has measured the embedding matrix.
    """

    def __init__(self, channels: int, hidden_size: int, *, square: bool, norm: bool, unit: float) -> None:
        super().__init__(channels, hidden_size, norm=norm, unit=unit)
        self.square = square

    @staticmethod
    def layers_read(config: "MacawConfig", modality: Modality) -> tuple[int | None, str]:
        """One of an image encoder: the tokens of several are no grid, even where their number is a square."""
        return (1 if is_square(modality) else None), ""

    def soft(self, media: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """Soft tokens of all media at once: (K, D)."""
        return self.from_grids(*side_by_side(media, square=self.square))

    def from_grids(self, tokens: Tensor, sizes: Sequence[Size]) -> Tensor:
        """The design: the tokens (T, C) of all frames, and the grid of each, to (K, D)."""
        raise NotImplementedError


class WindowBridge(GridBridge):
    """Frames on their grids -> one soft token per window of s by s tokens.

    The settings of a subclass have `scale`, s.

    Args:
        channels: C.
        hidden_size: D.
        scale: s.
        square: whether the grids are square.
        norm: whether there are norms.
        unit: RMS of soft tokens with norms until `calibrate` has measured the embedding matrix.
    """

    def __init__(self, channels: int, hidden_size: int, *, scale: int, square: bool, norm: bool, unit: float) -> None:
        super().__init__(channels, hidden_size, square=square, norm=norm, unit=unit)
        self.window = window_of(scale, square=square)

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """One per window, those at the right and lower borders included; of a video, per frame.

        Raises:
            UsageError: an image's tokens make no square.
        """
        return window_count(config, modality, shape)


def window_count(config: "MacawConfig", modality: Modality, shape: Sequence[int], layers: int = 1) -> int:
    """Windows of all frames of a medium; `layers` as in `frames_and_size`, with its errors."""
    settings: Any = config.bridge_settings(modality)
    frames, size = frames_and_size(modality, shape, layers)
    return frames * prod(window_grid(size, window_of(settings.scale, square=is_square(modality))))


def feature_tokens(config: "MacawConfig", modality: Modality, soft_tokens: int) -> float:
    """How many feature tokens so many soft tokens are made of, in media of the usual shape."""
    from macaw_cli.model.bridges.registry import bridge_class

    usual = config.feature_shapes[modality]
    kind = bridge_class(config.bridge_settings(modality).name)
    return soft_tokens * prod(usual[:-1]) / kind.soft_tokens(config, modality, usual)
