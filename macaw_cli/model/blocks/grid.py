"""Feature tokens on a grid: those of an image or of a video's frame in h rows of h, all others in one row.

Grids of different sizes are kept as their tokens one after another, (T, C), and the size (h, w) of each.

Letters: B frames, T feature tokens of all frames, N of one, C channels, h rows of w tokens each, K soft tokens.
"""

from collections.abc import Callable, Sequence
from math import ceil, isqrt, prod
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from macaw_cli.basics.errors import UsageError
from macaw_cli.modalities.table import ENCODER_OF, Modality
from macaw_cli.model.device_copies import on_device

Size = tuple[int, int]
"""Rows of a grid, and tokens in each."""


class GridBatch(NamedTuple):
    """Frames of any sizes in one tensor, with zeros right of and below the smaller ones."""

    values: Tensor
    """(B, largest h, largest w, C)."""
    outside: Tensor | None
    """(B, largest h, largest w, 1), true where there is no token; None where all frames have one size."""


def is_square(modality: Modality) -> bool:
    """Whether an image encoder makes the features of a modality, so that they lie on a square grid."""
    return ENCODER_OF.get(modality) == "image"


def grid_size(tokens: int, *, square: bool) -> Size:
    """(h, w) of one frame: √N by √N, or 1 by N."""
    side = isqrt(tokens)
    return (side, side) if square else (1, tokens)


def frames_and_size(modality: Modality, shape: Sequence[int], layers: int = 1) -> tuple[int, Size]:
    """How many frames a medium has, and the grid of each.

    Args:
        modality: of the medium.
        shape: of its features, (N, C) or (F, N, C).
        layers: how many layers of the encoder, whose tokens stand one after another, its features hold.

    Raises:
        UsageError: its tokens make no grid.
    """
    tokens, rest = divmod(shape[-2], layers)
    h, w = grid_size(tokens, square=is_square(modality))
    told = f"{modality.capitalize()} features of shape {tuple(shape)}"
    if rest:
        raise UsageError(
            f"{told} do not hold the tokens of {layers} layers.", "Set the bridge's `layers` to what the encoder has."
        )
    if h * w != tokens:
        raise UsageError(
            f"{told} are no square grid of tokens.",
            "Extract them without the class token, `features: {image_encoder: {cls: drop}}`, or leave it out with"
            f" `views: {{{modality}: {{drop_cls: true}}}}`; a bridge such as `mlp` takes any number of tokens.",
        )
    return prod(shape[:-2]), (h, w)


def window_of(scale: int, *, square: bool) -> Size:
    """A window of s² tokens: s by s on a square grid, else consecutive ones."""
    return (scale, scale) if square else (1, scale * scale)


def window_grid(size: Size, window: Size) -> Size:
    """Windows per column and per row of a grid; the last ones may reach beyond it."""
    return ceil(size[0] / window[0]), ceil(size[1] / window[1])


def windows(frames: Tensor, window: Size) -> Tensor:
    """Cut frames (B, h, w, C) into windows, filled up with zeros at the right and below: (B, windows, s², C).

    Windows, and the tokens in each, are in the order in which text is read. This is the pixel shuffle of Idefics 3,
    InternVL and Cohere 2 Vision, and the order in which Qwen's image processor hands out patches.
    """
    (rows, columns), (s, t) = window_grid((frames.shape[1], frames.shape[2]), window), window
    filled = F.pad(frames, (0, 0, 0, columns * t - frames.shape[2], 0, rows * s - frames.shape[1]))
    cut = filled.reshape(len(frames), rows, s, columns, t, -1).transpose(2, 3)
    return cut.reshape(len(frames), rows * columns, s * t, frames.shape[-1])


def side_by_side(media: Sequence[Tensor], *, square: bool) -> tuple[Tensor, list[Size]]:
    """The tokens (T, C) of all frames of all media, (N, C) or (F, N, C) each, and the grid of each frame."""
    sizes: list[Size] = []
    for medium in media:
        sizes += [grid_size(medium.shape[-2], square=square)] * prod(medium.shape[:-2])
    return torch.cat([medium.flatten(0, -2) for medium in media]), sizes


def all_alike(sizes: Sequence[Size]) -> bool:
    """Whether all grids have one size; no set is made of the sizes, which are symbols in an export to ONNX."""
    return all(size == sizes[0] for size in sizes)


def per_size(tokens: Tensor, sizes: Sequence[Size], function: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply a function without parameters, once per size of grid.

    Args:
        tokens: (T, C) of all frames.
        sizes: of the frames.
        function: (B, h, w, C), frames of one size, to (B, n, ...).

    Returns:
        (K, ...): what it made of all frames, in their order.
    """
    if all_alike(sizes):
        return function(tokens.view(len(sizes), *sizes[0], -1)).flatten(0, 1)
    frames = torch.split(tokens, [h * w for h, w in sizes])
    made: dict[int, Tensor] = {}
    for size in dict.fromkeys(sizes):
        places = [place for place, other in enumerate(sizes) if other == size]
        together = torch.stack([frames[place] for place in places]).view(len(places), *size, -1)
        made.update(zip(places, function(together), strict=True))
    return torch.cat([made[place] for place in range(len(sizes))])


def grid_batch(tokens: Tensor, sizes: Sequence[Size]) -> GridBatch:
    """The tokens (T, C) of all frames as one batch, for layers that see a token's neighbours."""
    if all_alike(sizes):
        return GridBatch(tokens.view(len(sizes), *sizes[0], -1), None)
    height, width = max(h for h, _ in sizes), max(w for _, w in sizes)
    flat = torch.split(tokens, [h * w for h, w in sizes])
    frames = [one.view(h, w, -1) for one, (h, w) in zip(flat, sizes, strict=True)]
    values = torch.stack([F.pad(one, (0, 0, 0, width - one.shape[1], 0, height - one.shape[0])) for one in frames])
    h, w = on_device([h for h, _ in sizes], tokens.device), on_device([w for _, w in sizes], tokens.device)
    below = torch.arange(height, device=tokens.device) >= h[:, None]
    right = torch.arange(width, device=tokens.device) >= w[:, None]
    return GridBatch(values, (below[:, :, None] | right[:, None])[..., None])


def in_grids(values: Tensor, sizes: Sequence[Size]) -> Tensor:
    """The tokens (T, C) of a batch (B, largest h, largest w, C), without what fills up the smaller frames."""
    if all_alike(sizes):
        return values.flatten(0, 2)
    return torch.cat([frame[:h, :w].flatten(0, 1) for frame, (h, w) in zip(values, sizes, strict=True)])
