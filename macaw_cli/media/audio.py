"""Read the sound of a file or film: mono, fp32, at the rate that is asked for."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.basics.errors import InputError
from macaw_cli.media.containers import open_media, reason_of

_PLAIN = {".wav", ".wave", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64"}
"""Read by soundfile, which opens them faster; everything else, and what it refuses, goes through FFmpeg."""
_MARGIN_S = 0.1
"""Sound read beyond the wanted end, so that the resampler's edge does not fall inside."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono samples (n,) fp32 at `rate` per second; `duration` is that of the whole file, in seconds."""

    samples: np.ndarray
    rate: int
    duration: float


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
        (samples,) fp32.

    Raises:
        InputError: missing, undecodable, without sound, or no sound between `start` and `end`.
    """
    return load_sound(path, sampling_rate, start, end).samples


def load_sound(path: Path | str, sampling_rate: int, start: float | None = None, end: float | None = None) -> Sound:
    """`load_audio` together with the duration of the whole file."""
    path = Path(path)
    until = None if end is None else end + _MARGIN_S
    sound = _plain_sound(path, start or 0.0, until) if path.suffix.lower() in _PLAIN else None
    sound = sound or _container_sound(path, start or 0.0, until)
    if not len(sound.samples):
        raise InputError(f"{path} holds no sound" + (f" between {start or 0} s and {end} s." if end or start else "."))
    samples = _resampled(sound.samples, sound.rate, sampling_rate)
    if end is not None:
        samples = samples[: round((end - (start or 0.0)) * sampling_rate)]
    if not np.isfinite(samples).all():
        raise InputError(f"{path} holds samples that are not numbers.")
    return Sound(samples, sampling_rate, sound.duration)


def _resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    import soxr

    if rate == wanted:
        return samples
    return np.asarray(soxr.resample(samples, rate, wanted, quality="HQ"), dtype=np.float32)


def _plain_sound(path: Path, start: float, until: float | None) -> Sound | None:
    """By soundfile; None when it cannot read the file."""
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            file.seek(min(round(start * file.samplerate), file.frames))
            count = -1 if until is None else max(0, round((until - start) * file.samplerate))
            channels = file.read(count, dtype="float32", always_2d=True)
            return Sound(_mono(channels.T), file.samplerate, file.frames / file.samplerate)
    except (soundfile.SoundFileError, OSError, TypeError):  # TypeError: headerless formats
        return None


def _container_sound(path: Path, start: float, until: float | None) -> Sound:
    import av

    with open_media(path) as container:
        stream = container.streams.best("audio")
        if stream is None or stream.codec_context is None:
            raise InputError(f"{path} has no sound in it.")
        if start > 1.0:
            container.seek(int(start * 1e6) + (container.start_time or 0))
        floats = av.AudioResampler(format="fltp")  # channels stay as they are: FFmpeg's own mono is 1.4 times too loud
        chunks, first, last, problem = [], None, 0.0, ""
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError as error:  # one bad packet is a click, not a reason to give up
                problem = reason_of(error)
                continue
            for frame in itertools.chain.from_iterable(map(floats.resample, frames)):
                time = _seconds(frame, stream, last)
                first = time if first is None else first
                last = time + frame.samples / frame.sample_rate
                chunks.append(_mono(frame.to_ndarray()))
            if until is not None and last >= until:
                break
        if not chunks:
            raise InputError(f"{path} has no sound that can be decoded{f': {problem}' if problem else ''}.")
        rate, duration = stream.codec_context.sample_rate, _duration(container, stream, last)
    samples = np.concatenate(chunks)
    begin = max(0, round((start - (first or 0.0)) * rate)) if start else 0
    stop = len(samples) if until is None else max(begin, round((until - (first or 0.0)) * rate))
    return Sound(samples[begin:stop], rate, duration)


def _seconds(frame: Any, stream: Any, fallback: float) -> float:
    if frame.pts is None or frame.time_base is None:
        return fallback
    return float(frame.pts * frame.time_base) - float((stream.start_time or 0) * stream.time_base)


def _duration(container: Any, stream: Any, decoded: float) -> float:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration else decoded


def _mono(channels: np.ndarray) -> np.ndarray:
    """(channels, n) to (n,): the mean, so that the level is the same whether sound was mono or stereo."""
    return np.ascontiguousarray(channels.mean(axis=0, dtype=np.float32))
