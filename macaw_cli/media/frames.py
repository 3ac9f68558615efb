"""Frames of a film at given times, by decord or by PyAV: the same frames whichever serves.

The frame at time t is the last one that is shown at or before t. decord can spin for ever and read ahead gigabytes,
so nothing but the decoder process may call `decode_frames` (see `decoder_process.py`).
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from macaw_cli.basics.errors import InputError
from macaw_cli.media.containers import VideoInfo, open_media, picture_stream, reason_of

_SAME_TIME = 1e-3
"""Times nearer than this are equal: decoders round differently."""
_SEEK_BEYOND_S = 4.0
"""A frame further away than this is reached by seeking instead of decoding everything in between."""
_NOT_FOR_DECORD = {"mpegts", "av1", "gif"}
"""Where decord gives wrong frames or none."""


def spread_times(duration: float, count: int, start: float | None, end: float | None) -> list[float]:
    """`count` evenly spaced times: the middles of equal parts of the film, or of the clip from `start` to `end`.

    Raises:
        InputError: the clip lies outside the film.
    """
    first, last = start or 0.0, duration if end is None else min(end, duration)
    if first < 0 or first >= last:
        raise InputError(f"The clip from {start} s to {end} s is not inside the {duration:.2f} s of film.")
    return [first + (last - first) * (number + 0.5) / count for number in range(count)]


def decode_frames(path: Path, times: list[float], info: VideoInfo, decoder: str) -> np.ndarray:
    """The frames shown at `times`.

    Args:
        path: the film.
        times: ascending seconds.
        info: what `video_info` said of it.
        decoder: `decord` (PyAV where decord is absent, or known to be wrong) or `pyav`.

    Returns:
        (len(times), H, W, 3) uint8 RGB, upright.

    Raises:
        InputError: it cannot be decoded, or ends before the last time.
    """
    if decoder == "decord" and importlib.util.find_spec("decord") and not _NOT_FOR_DECORD & _names(info):
        frames = _by_decord(path, times, info)
        if frames is not None:
            return frames
    return _by_pyav(path, times)


def _names(info: VideoInfo) -> set[str]:
    return {*info.container.split(","), "av1" if "av1" in info.codec else info.codec}


def _by_decord(path: Path, times: list[float], info: VideoInfo) -> np.ndarray | None:
    """None when decord refuses the film, or sees another number of frames than its header says (edit lists)."""
    import decord

    try:
        reader = decord.VideoReader(str(path), num_threads=1)
        if info.frames and len(reader) != info.frames:
            return None
        starts = reader.get_frame_timestamp(range(len(reader)))[:, 0]
        if starts[-1] - starts[0] > info.duration + 0.5:
            return None
        indices = np.searchsorted(starts - starts[0], np.asarray(times) + _SAME_TIME, side="right") - 1
        frames = reader.get_batch(np.clip(indices, 0, len(reader) - 1)).asnumpy()
    except (decord.DECORDError, RuntimeError, IndexError, ValueError):
        return None
    return np.ascontiguousarray(frames)


def _by_pyav(path: Path, times: list[float]) -> np.ndarray:
    with open_media(path) as container:
        stream = picture_stream(container, path)
        stream.thread_type = "NONE"  # one file per process already
        found = _Search(container, stream, path)
        return np.stack([found.at(time, len(times)) for time in times])


class _Search:
    """Walks through a film and gives the frame shown at each of ascending times."""

    def __init__(self, container: Any, stream: Any, path: Path) -> None:
        self._container, self._stream, self._path = container, stream, path
        self._zero = float((stream.start_time or 0) * stream.time_base)
        self._problem = ""
        self._frames = self._from(0.0)
        self._shown: Any = None
        self._next: Any = next(self._frames, None)

    def at(self, time: float, count: int) -> np.ndarray:
        """The frame shown at `time`; `count` is how many are wanted in all, for the check that the film goes so far."""
        if self._next is not None and time - self._time(self._next) > _SEEK_BEYOND_S:
            self._jump(time)
        while self._next is not None and self._time(self._next) <= time + _SAME_TIME:
            self._shown, self._next = self._next, next(self._frames, None)
        self._shown = self._shown or self._next
        if self._shown is None:
            raise InputError(f"{self._path} has no frame that can be decoded{self._why()}.")
        if self._next is None and self._end(self._shown) < time - 0.5 - time / count:
            end = self._end(self._shown)
            raise InputError(f"{self._path} is cut: it ends at {end:.1f} s, no frame at {time:.1f} s{self._why()}.")
        return _upright(self._shown)

    def _jump(self, time: float) -> None:
        """Seek to before `time`, going further back when the file's index leads too far."""
        for back in (0.0, 2.0, 10.0, time):
            self._frames = self._from(max(0.0, time - back))
            frame = next(self._frames, None)
            if frame is not None and self._time(frame) <= time:
                break
        self._shown, self._next = None, frame

    def _from(self, time: float) -> Iterator[Any]:
        target = int(time / self._stream.time_base) + (self._stream.start_time or 0)
        if time:
            self._container.seek(target, stream=self._stream)
        elif self._stream.start_time is not None:
            self._container.seek(min(0, self._stream.start_time), stream=self._stream)
        begun = False
        for packet in self._container.demux(self._stream):
            try:
                frames = packet.decode()
            except av.FFmpegError as error:
                self._problem = reason_of(error)
                if begun:  # pictures after a hole are garbage up to the next key frame
                    where = f"at {float((packet.pts or 0) * packet.time_base) - self._zero:.1f} s"
                    raise InputError(f"{self._path} is damaged {where}: {self._problem}.") from None
                continue  # before the first key frame there is nothing to decode from
            for frame in frames:
                begun = True
                if frame.pts is not None:
                    yield frame

    def _time(self, frame: Any) -> float:
        return float(frame.pts * frame.time_base) - self._zero

    def _end(self, frame: Any) -> float:
        return self._time(frame) + float((frame.duration or 0) * frame.time_base)

    def _why(self) -> str:
        return f" ({self._problem})" if self._problem else ""


def _upright(frame: Any) -> np.ndarray:
    """RGB (H, W, 3), turned as the film's metadata says."""
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), turns))
