"""The samples of sound files and of films, as they are stored: by soundfile where it can, else by FFmpeg."""

import contextlib
import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.basics.errors import InputError
from macaw_cli.media.containers import open_media, packets_of, reason_of

_PLAIN = {".wav", ".wave", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64"}
"""Read by soundfile, which opens them faster; everything else, and what it refuses, goes through FFmpeg."""
_MARGIN_S = 0.1
"""Sound read around a clip, so that the resampler's edges do not fall inside."""
_BEFORE_S = 1.0
"""Decoded before a clip in a container: sound codecs need what went before (MP3 0.3 s, Opus 0.1 s)."""

_TIMES_DRIFT = {"asf"}
"""Containers whose times after a jump are not those of reading through: read from the beginning."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono samples (n,) fp32 at `rate` per second, the `first` of the file's; `duration` of the whole file, seconds."""

    samples: np.ndarray
    rate: int
    duration: float
    first: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """What is wanted of a sound: the seconds from `start` to `end`, to be resampled to `rate`."""

    start: float
    end: float
    rate: int

    def samples(self, rate: int) -> tuple[int, int | None]:
        """First and last sample to read of a sound at `rate`, None: to its end.

        The first one falls together with a sample at the wanted rate: resampling then gives the same values as for
        the whole sound.
        """
        step = rate // math.gcd(rate, self.rate)
        first = max(0, int((self.start - _MARGIN_S) * rate) // step * step)
        return first, None if self.end == math.inf else max(first, math.ceil((self.end + _MARGIN_S) * rate))


def plain_sound(path: Path, window: Window) -> Sound | None:
    """By soundfile; None when it cannot read the file."""
    import soundfile

    if path.suffix.lower() not in _PLAIN:
        return None
    try:
        with soundfile.SoundFile(path) as file:
            first, last = window.samples(file.samplerate)
            file.seek(min(first, file.frames))
            channels = file.read(-1 if last is None else last - first, dtype="float32", always_2d=True)
            return Sound(_mono(channels.T), file.samplerate, file.frames / file.samplerate, first)
    except (soundfile.SoundFileError, OSError, TypeError):  # TypeError: headerless formats
        return None


def container_sound(path: Path, window: Window) -> Sound:
    """By FFmpeg, which reads films and every kind of sound file.

    Raises:
        InputError: missing, without sound, or nothing of it can be decoded.
    """
    with open_media(path) as container:
        stream = container.streams.best("audio")
        if stream is None or stream.codec_context is None:
            raise InputError(f"{path} has no sound in it.")
        decoding = _Decoding(container, stream)
        if window.start > 2 * _BEFORE_S and container.format.name not in _TIMES_DRIFT:
            decoding.jump(window.start - _BEFORE_S)
        decoding.read_until(window.end + _MARGIN_S)
        if not decoding.chunks:
            why = f": {decoding.problem}" if decoding.problem else ""
            raise InputError(f"{path} has no sound that can be decoded{why}.")
        duration = _duration(container, stream, decoding.time)
    samples, begun = np.concatenate(decoding.chunks), decoding.first_sample()
    first, last = window.samples(decoding.rate)
    if first < begun:  # the sound begins late, or the container led too far: silence up to there keeps the time
        samples, begun = np.concatenate([np.zeros(begun - first, np.float32), samples]), first
    return Sound(samples[first - begun : None if last is None else last - begun], decoding.rate, duration, first)


class _Decoding:
    """Mono chunks of a sound stream, and the times they stand for."""

    def __init__(self, container: Any, stream: Any) -> None:
        self._container, self._stream = container, stream
        self.chunks: list[np.ndarray] = []
        self.rate, self.begun, self.time, self.problem = 0, 0.0, 0.0, ""
        self._first_frames: list[tuple[float, int]] = []

    def jump(self, time: float) -> None:
        """Go on at or before `time`."""
        import av

        with contextlib.suppress(av.FFmpegError, IndexError):
            for frame in itertools.islice(self._container.decode(self._stream), 3):
                self._first_frames.append((self._seconds(frame) or 0.0, frame.samples))
        ticks = int(time / self._stream.time_base) + (self._stream.start_time or 0)
        self._container.seek(ticks, stream=self._stream)

    def first_sample(self) -> int:
        """Which sample of the file the chunks begin with.

        Matroska rounds times to milliseconds; where all frames are of one length, counting them is exact.
        """
        exact = self.begun * self.rate
        if len(self._first_frames) == 3:
            (_, before), (second, size), (_, same) = self._first_frames
            if {size, same} == {len(chunk) for chunk in self.chunks[:-1]} | {size}:
                exact = before + round((self.begun - second) * self.rate / size) * size
        return round(exact)

    def read_until(self, end: float) -> None:
        import av

        floats = av.AudioResampler(format="fltp")  # channels stay as they are: FFmpeg's own mono is 1.4 times too loud
        for packet in packets_of(self._container, self._stream):
            try:
                frames = packet.decode()
            except av.FFmpegError as error:  # one bad packet is a click, not a reason to give up
                self.problem = reason_of(error)
                continue
            for frame in itertools.chain.from_iterable(map(floats.resample, frames)):
                self._take(frame)
            if self.time >= end:
                return

    def _take(self, frame: Any) -> None:
        time = self._seconds(frame)
        self.time = self.time if time is None else time
        if not self.chunks:
            self.rate, self.begun = frame.sample_rate, self.time
        self.chunks.append(_mono(frame.to_ndarray()))
        self.time += frame.samples / frame.sample_rate

    def _seconds(self, frame: Any) -> float | None:
        if frame.pts is None or frame.time_base is None:
            return None
        return float(frame.pts * frame.time_base) - float((self._stream.start_time or 0) * self._stream.time_base)


def _duration(container: Any, stream: Any, decoded: float) -> float:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration else decoded


def _mono(channels: np.ndarray) -> np.ndarray:
    """(channels, n) to (n,): the mean, so that the level is the same whether sound was mono or stereo."""
    return np.ascontiguousarray(channels.mean(axis=0, dtype=np.float32))
