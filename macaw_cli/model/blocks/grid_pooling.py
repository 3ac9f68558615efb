"""Average pooling of grids to a fixed number of tokens.

Letters: B frames on grids of h x w, C channels, K soft tokens per frame.
"""

from math import prod
from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor

from macaw_cli.basics.errors import UsageError
from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.grid import Size, frames_and_size, grid_size, is_square

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig

PUBLISHED = 144
"""Tokens behind the pooling of Honeybee and MobileVLM V2."""


def pooled_size(config: "MacawConfig", modality: Modality, tokens: int | None) -> Size:
    """Rows and columns behind the pooling.

    Args:
        config: of the model.
        modality: of the bridge.
        tokens: K; None is 144, but no more than media of the usual shape have in one frame.

    Raises:
        UsageError: K, or an image's usual number of feature tokens, is no square.
    """
    square = is_square(modality)
    _, usual = frames_and_size(modality, config.feature_shapes[modality])
    wanted = tokens or min(PUBLISHED, prod(usual))
    h, w = grid_size(wanted, square=square)
    if h * w != wanted:
        raise UsageError(
            f"{modality.capitalize()} features lie on a square grid, which cannot be pooled to {wanted} tokens.",
            f"Set the bridge's `tokens` to a square number, such as {h * w} or {(h + 1) * (w + 1)}.",
        )
    return h, w


def pooled_to(size: Size, frames: Tensor) -> Tensor:
    """(B, h, w, C) -> (B, K, C), by adaptive average pooling."""
    return F.adaptive_avg_pool2d(frames.permute(0, 3, 1, 2), size).flatten(2).transpose(1, 2)
