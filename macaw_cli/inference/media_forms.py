"""Forms of media in memory: how they are told apart, and arrays as images and as samples of audio."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from PIL import Image

from macaw_cli.basics.errors import UsageError

_CHANNELS = (1, 3, 4)


def is_samples_with_rate(medium: Any) -> bool:
    """Whether it is `(samples, sampling_rate)`."""
    return (
        isinstance(medium, tuple)
        and len(medium) == 2
        and isinstance(medium[1], Real)
        and (hasattr(medium[0], "__array__") or isinstance(medium[0], list))
    )


def are_frames(medium: Any) -> bool:
    """Whether it is (frames, H, W, 3) uint8, or a sequence of images."""
    if isinstance(medium, np.ndarray):
        return medium.ndim == 4 and medium.dtype == np.uint8 and medium.shape[-1] in _CHANNELS and len(medium) > 0
    frames = isinstance(medium, Sequence) and not isinstance(medium, str | bytes) and len(medium) > 0
    return frames and all(isinstance(one, Image.Image) or is_image_array(one) for one in medium)


def is_image_array(one: Any) -> bool:
    """Whether it is an array of bytes with the rank of an image."""
    return isinstance(one, np.ndarray) and one.dtype == np.uint8 and one.ndim in (2, 3)


def as_image(array: np.ndarray) -> Image.Image:
    """The image of (H, W) or (H, W, 1, 3 or 4) uint8.

    Raises:
        UsageError: it has another shape.
    """
    if 0 in array.shape or (array.ndim == 3 and array.shape[-1] not in _CHANNELS):
        raise UsageError(f"An image was given as an array of shape {array.shape}.", "Give (H, W, 3) uint8.")
    return Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array)


def rgb(frame: Any) -> Image.Image:
    """A frame in RGB, an image or an array."""
    return (frame if isinstance(frame, Image.Image) else as_image(np.asarray(frame))).convert("RGB")


def mono(samples: np.ndarray) -> np.ndarray:
    """The mean of the channels, fp32, in the range of -1 to 1 where integers were given.

    Raises:
        UsageError: there are none, or they are no samples.
    """
    if samples.dtype.kind not in "fiu" or (samples.dtype.kind != "f" and samples.dtype.itemsize > 4):
        raise UsageError(f"Audio was given as samples of {samples.dtype}.", "Give float32, int16, int32 or uint8.")
    if samples.ndim not in (1, 2) or not samples.size:
        raise UsageError(f"Audio was given as samples of shape {samples.shape}.", "Give (n,) or (channels, n).")
    channels = as_floats(samples.reshape(1, -1) if samples.ndim == 1 else samples)
    heard = (channels if channels.shape[0] < channels.shape[-1] else channels.T).mean(axis=0)
    return np.asarray(heard, dtype=np.float32)


def as_floats(samples: np.ndarray) -> np.ndarray:
    """Integers as numbers from -1 to 1; unsigned ones, as of 8-bit WAV files, are silent in the middle of the range."""
    if not np.issubdtype(samples.dtype, np.integer):
        return samples
    kind = np.iinfo(samples.dtype)
    half = (float(kind.max) - float(kind.min) + 1) / 2
    return np.asarray((samples - (float(kind.min) + half)) / half)
