"""Read the sound of a file or film: mono, fp32, at the rate that is asked for."""

import math
from pathlib import Path

import numpy as np

from macaw_cli.basics.errors import InputError
from macaw_cli.media.container_sounds import container_sound
from macaw_cli.media.plain_sounds import plain_sound
from macaw_cli.media.sounds import Sound, Window, resampled


def load_audio(
    path: Path | str, sampling_rate: int, start: float | None = None, end: float | None = None
) -> np.ndarray:
    """Read sound, mean of the channels, resampled.

    Args:
        path: a sound file or a film with sound.
        sampling_rate: samples per second to return.
        start: first second wanted; None is the beginning.
        end: last second wanted; None is the end.

    Returns:
        (samples,) fp32; of a clip the same samples as that piece of the whole sound.

    Raises:
        InputError: missing, undecodable, without sound, or no sound between `start` and `end`.
    """
    return load_sound(path, sampling_rate, start, end).samples


def load_sound(path: Path | str, sampling_rate: int, start: float | None = None, end: float | None = None) -> Sound:
    """`load_audio` together with the duration of the whole file; reads no more of it than is wanted."""
    path, begin = Path(path), start or 0.0
    window = Window(begin, math.inf if end is None else end, sampling_rate)
    sound = plain_sound(path, window) or container_sound(path, window)
    samples = resampled(sound.samples, sound.rate, sampling_rate)
    skip = round(begin * sampling_rate) - sound.first * sampling_rate // sound.rate
    count = None if end is None else max(0, round((end - begin) * sampling_rate))
    samples = samples[skip : None if count is None else skip + count]
    if not len(samples):
        raise InputError(f"{path} holds no audio" + (f" between {begin} s and {end} s." if end or start else "."))
    if not np.isfinite(samples).all():
        raise InputError(f"{path} holds samples that are not numbers.")
    return Sound(samples, sampling_rate, sound.duration, warning=sound.warning)

