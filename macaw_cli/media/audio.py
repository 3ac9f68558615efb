"""Read the audio of a file or video: mono, fp32, at the rate that is asked for."""

import math
from pathlib import Path

import numpy as np

from macaw_cli.media.container_audio import container_audio
from macaw_cli.media.no_audio import NoAudio
from macaw_cli.media.soundfile_audio import soundfile_audio
from macaw_cli.media.waveforms import DecodedAudio, Window, resampled


def load_audio(
    path: Path | str, sampling_rate: int, start: float | None = None, end: float | None = None
) -> np.ndarray:
    """Read audio, mean of the channels, resampled.

    Args:
        path: an audio file or a video with audio.
        sampling_rate: samples per second to return.
        start: first second wanted; None is the beginning.
        end: last second wanted; None is the end.

    Returns:
        (samples,) fp32; of a clip the same samples as that piece of the whole audio.

    Raises:
        InputError: missing or undecodable.
        NoAudio: without audio that can be used, or without any between `start` and `end`.
    """
    return decode_audio(path, sampling_rate, start, end).samples


def decode_audio(
    path: Path | str, sampling_rate: int, start: float | None = None, end: float | None = None
) -> DecodedAudio:
    """`load_audio` together with the duration of the whole file; reads no more of it than is wanted."""
    path, begin = Path(path), start or 0.0
    window = Window(begin, math.inf if end is None else end, sampling_rate)
    audio = soundfile_audio(path, window) or container_audio(path, window)
    samples = resampled(audio.samples, audio.rate, sampling_rate)
    skip = round(begin * sampling_rate) - audio.first * sampling_rate // audio.rate
    count = None if end is None else max(0, round((end - begin) * sampling_rate))
    samples = samples[skip : None if count is None else skip + count]
    if not len(samples):
        raise NoAudio(f"{path} holds no audio" + (f" between {begin} s and {end} s." if end or start else "."))
    if not np.isfinite(samples).all():
        raise NoAudio(f"{path} holds NaN or infinite samples.")
    return DecodedAudio(samples, sampling_rate, audio.duration, warning=audio.warning)

