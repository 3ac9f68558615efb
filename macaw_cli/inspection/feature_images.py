"""Small images for a page: thumbnails, waveforms, and heat maps of features."""

from dataclasses import dataclass
from io import BytesIO
from math import isqrt
from typing import Any

import numpy as np
from PIL import Image, ImageColor

from macaw_cli.reports.drawing import colour_of
from macaw_cli.reports.page import EmbeddedFile

THUMBNAIL_PX = 160
FRAME_PX = 88
MAX_STRIP = 240
"""Columns of a map over time."""
WAVE_PX = (600, 112)
"""Columns at most, and height."""
_NEARLY = 0.02
"""Norms that differ by less, relatively, make no map."""
_JPEG_QUALITY = 72
_RAMP = np.array(
    [(68, 1, 84), (72, 40, 120), (62, 74, 137), (49, 104, 142), (38, 130, 142), (31, 158, 137), (53, 183, 121),
     (110, 206, 88), (181, 222, 43), (253, 231, 37)], np.float32
)  # fmt: skip
"""From low to high, equally spaced; readable also without seeing red or green."""


def thumbnail(pixels: np.ndarray, title: str, longest: int = THUMBNAIL_PX) -> EmbeddedFile:
    """An image (H, W, 3) uint8, scaled down to `longest` pixels."""
    image = Image.fromarray(pixels)
    image.thumbnail((longest, longest))
    return EmbeddedFile(_bytes(image, "JPEG", quality=_JPEG_QUALITY), title, "image/jpeg", "thumbnail", image.size)


def waveform(samples: np.ndarray, title: str) -> EmbeddedFile:
    """The envelope of an audio file (samples,) fp32 over time, scaled to its loudest sample, on no background."""
    columns, height = WAVE_PX
    parts = np.array_split(samples, min(columns, len(samples)))
    scale = (height / 2 - 1) / max(float(np.abs(samples).max(initial=0.0)), 1e-9)
    rows = height / 2 - 0.5 - np.arange(height)[:, None]
    inside = (rows <= np.array([part.max() for part in parts]) * scale + 0.5) & (
        rows >= np.array([part.min() for part in parts]) * scale - 0.5
    )
    image = Image.fromarray(inside.astype(np.uint8))
    image.putpalette([0, 0, 0, *ImageColor.getrgb(colour_of("audio"))])
    return EmbeddedFile(_bytes(image, "PNG", optimize=True, transparency=0), title, kind="wave")


@dataclass(frozen=True, slots=True)
class HeatMaps:
    """How strong the features are at each place.

    Attributes:
        images: one per frame; one for an image or an audio file; none where a medium has one token.
        note: lowest and highest value, and what the images show.
    """

    images: list[EmbeddedFile]
    note: str


def heat_maps(features: np.ndarray, null: np.ndarray | None = None, *, over_time: bool) -> HeatMaps:
    """The Euclidean norm of each token: on the grid of patches where it is square, else in a row.

    Behind a layer norm all tokens are equally long: then the map shows how far each one is from what the encoder gives
    there for an empty input, or, without that, from the mean token.

    Args:
        features: (tokens, channels) or (frames, tokens, channels).
        null: the features of an empty input.
        over_time: the tokens follow each other in time (audio).
    """
    values = features.astype(np.float32)
    tokens = values.reshape(1, -1, values.shape[-1]) if over_time else values.reshape(-1, *values.shape[-2:])
    grid, special = (None, 0) if over_time else _grid(tokens.shape[1])
    apart, tokens = tokens[:, :special], tokens[:, special:]
    places = np.linalg.norm(tokens, axis=-1)
    note = f"norm {_range(places)}"
    if apart.size:
        note += f"; first token (class) {_range(np.linalg.norm(apart, axis=-1))}"
    if places.shape[1] < 2:
        return HeatMaps([], note)
    if _is_constant(places):
        what, reference = _reference(values, null)
        places = np.linalg.norm(values - reference, axis=-1).reshape(len(places), -1)[:, special:]
        note += f", so the map shows the distance from {what}: {_range(places)}"
    scale = np.percentile(places, (1, 99)) if places.size >= 100 else (places.min(), places.max())
    return HeatMaps([_map(row, grid, float(scale[0]), float(scale[1])) for row in places], note)


def _reference(values: np.ndarray, null: np.ndarray | None) -> tuple[str, np.ndarray]:
    if null is not None and null.shape == values.shape and not np.array_equal(values, null):
        return "an empty input", null.astype(np.float32)
    return "the mean token", values.mean(axis=tuple(range(values.ndim - 1)))


def _range(values: np.ndarray) -> str:
    low, high = f"{float(values.min()):.3g}", f"{float(values.max()):.3g}"
    return low if low == high else f"{low} to {high}"


def _is_constant(values: np.ndarray) -> bool:
    low, high = float(values.min()), float(values.max())
    return high - low <= _NEARLY * high


def _grid(tokens: int) -> tuple[int | None, int]:
    """Side of the square of patches, and how many tokens stand before it."""
    for special in (0, 1):
        side = isqrt(max(0, tokens - special))
        if side > 1 and side * side == tokens - special:
            return side, special
    return None, 0


def _map(norms: np.ndarray, side: int | None, low: float, high: float) -> EmbeddedFile:
    if side is None:
        norms = np.array([part.mean() for part in np.array_split(norms, min(MAX_STRIP, len(norms)))])
    level = np.clip((norms - low) / max(high - low, 1e-9), 0.0, 1.0) * (len(_RAMP) - 1)
    steps = np.arange(len(_RAMP))
    colours = np.stack([np.interp(level, steps, _RAMP[:, channel]) for channel in range(3)], axis=-1)
    pixels = colours.round().astype(np.uint8).reshape((side, side, 3) if side else (1, -1, 3))
    content = _bytes(Image.fromarray(pixels), "PNG", optimize=True)
    return EmbeddedFile(content, "norm of the features", kind="map" if side else "strip")


def _bytes(image: Image.Image, form: str, **options: Any) -> bytes:
    content = BytesIO()
    image.save(content, form, **options)
    return content.getvalue()
