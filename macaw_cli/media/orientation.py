"""A decoded frame as it is shown: in its shape, upright, and the right way round."""

import struct
from typing import Any

import numpy as np
from av.sidedata.sidedata import Type

_MATRIX = struct.Struct("<9i")
_LARGEST_STRETCH = 8.0
"""A pixel is never stretched more than this: a header may say anything."""


def shown(frame: Any, pixel_aspect: float) -> np.ndarray:
    """The image of a frame.

    Args:
        frame: of PyAV.
        pixel_aspect: width of a stored pixel in heights of it; the height of the image stays.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    width = frame.width
    if pixel_aspect != 1 and 1 / _LARGEST_STRETCH <= pixel_aspect <= _LARGEST_STRETCH:
        width = max(1, round(frame.width * pixel_aspect))
    if width == frame.width:
        pixels = frame.to_ndarray(format="rgb24")
    else:
        pixels = frame.to_ndarray(format="rgb24", width=width, height=frame.height, interpolation="BICUBIC")
    return np.ascontiguousarray(_turned(pixels, *display_matrix(frame)))


def display_matrix(frame: Any) -> tuple[int, int, int, int]:
    """Where the image's axes lie when it is shown: right is (a, b), down is (c, d)."""
    found = frame.side_data.get(Type.DISPLAYMATRIX)
    if found is None or len(content := bytes(found)) < _MATRIX.size:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = _MATRIX.unpack(content[: _MATRIX.size])
    return (a, b, c, d) if a or b or c or d else (1, 0, 0, 1)


def is_upright(frame: Any) -> bool:
    """Whether the image is shown as it is stored."""
    a, b, c, d = display_matrix(frame)
    return a > abs(b) and d > abs(c)


def _turned(pixels: np.ndarray, a: int, b: int, c: int, d: int) -> np.ndarray:
    """To the nearest of the eight ways in which a rectangle can lie."""
    if abs(b) + abs(c) > abs(a) + abs(d):
        pixels, right, down = pixels.swapaxes(0, 1), c, b
    else:
        right, down = a, d
    return pixels[:: -1 if down < 0 else 1, :: -1 if right < 0 else 1]
