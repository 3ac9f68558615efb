"""One clock for all tracks of a file: it begins with the earliest track, and goes on where timestamps begin anew.

Where recordings were joined (`cat a.ts b.ts`), the timestamps of the second begin anew, or leap by hours. Its parts are
then put one behind the other, every track by the same amount.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import av

from macaw_cli.media.containers import open_media, packets_of, video_streams

_BACK_S = 0.5
"""Packets are in the order of decoding: a time that lies further back than this begins a new part."""
_LEAP_S = 3600.0
"""A longer hole is a new part as well: FFmpeg takes a step back in MPEG-TS for 26 hours ahead."""
_PADDING_S = 0.1
"""Encoders of audio begin with some silence, which not every container can mark as such."""
_MAY_BEGIN_ANEW = {"mpegts", "mpeg"}
"""Containers that stay readable when they are joined, and so are read through before anything is made of them."""


@dataclass(frozen=True)
class Clock:
    """The seconds of a file.

    Attributes:
        zero: time of the container at which the file begins.
        shifts: what is added to the timestamps of each part of the file, seconds; the first is 0.
        end: where the last part ends, on this clock; 0 where the file was not read through.
    """

    zero: float = 0.0
    shifts: tuple[float, ...] = (0.0,)
    end: float = 0.0

    @property
    def restarts(self) -> bool:
        """Whether timestamps begin anew: a time then says no more where in the file something is."""
        return len(self.shifts) > 1

    def seconds(self, stamp: int, base: Any) -> float:
        """A timestamp, in ticks of `base`, that `packets_in_order` gave, on this clock."""
        return float(stamp * base) - self.zero


def clock_of(container: Any, path: Path) -> Clock:
    """The clock of an open file; reads the whole of those that may begin anew, once.

    Raises:
        InputError: the file cannot be opened again.
    """
    if _MAY_BEGIN_ANEW & set(container.format.name.split(",")):
        found = path.stat()
        return _clock_of_parts(str(path), (found.st_ino, found.st_size, found.st_mtime_ns))
    return Clock(_beginning(container))


def packets_in_order(container: Any, stream: Any, clock: Clock) -> Iterator[Any]:
    """The packets of a stream from where the container stands, on timestamps that do not begin anew."""
    if not clock.restarts:
        yield from packets_of(container, stream)
        return
    counter = _Parts()
    for packet in packets_of(container, stream):
        if packet.time_base and (number := counter.part_of(packet)):
            ticks = round(clock.shifts[min(number, len(clock.shifts) - 1)] / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks
        yield packet


class _Parts:
    """Counts the parts of a stream while its packets go by."""

    def __init__(self) -> None:
        self._number = 0
        self._last: float | None = None

    def part_of(self, packet: Any) -> int:
        stamp = packet.pts if packet.dts is None else packet.dts
        if stamp is None:
            return self._number
        time = float(stamp * packet.time_base)
        if self._last is not None and not self._last - _BACK_S <= time <= self._last + _LEAP_S:
            self._number += 1
        self._last = time
        return self._number


def _beginning(container: Any) -> float:
    """When the first track begins, or the video where its audio has no more than an encoder's padding before it."""
    video = _first_start(video_streams(container))
    first = min(video, _first_start(container.streams.audio))
    if first == math.inf:
        return 0.0
    return video if video - first <= _PADDING_S else first


def _first_start(tracks: Iterable[Any]) -> float:
    starts = (float(track.start_time * track.time_base) for track in tracks if track.start_time is not None)
    return min(starts, default=math.inf)


@lru_cache(maxsize=4)
def _clock_of_parts(path: str, stamp: tuple[int, int, int]) -> Clock:
    """`stamp` tells one content of the path from another."""
    spans: dict[int, tuple[float, float]] = {}
    with open_media(path) as container:
        zero = _beginning(container)
        tracks = [*video_streams(container), *container.streams.audio]
        counters = {track.index: _Parts() for track in tracks}
        with suppress(av.FFmpegError):  # a cut file: what came before counts
            for packet in packets_of(container, tracks):
                if packet.pts is None or packet.stream.index not in counters:
                    continue
                begin = float(packet.pts * packet.time_base)
                part = counters[packet.stream.index].part_of(packet)
                first, last = spans.get(part, (begin, begin))
                spans[part] = min(first, begin), max(last, begin + float((packet.duration or 0) * packet.time_base))
    return _joined(zero, [spans[part] for part in sorted(spans)])


def _joined(zero: float, spans: list[tuple[float, float]]) -> Clock:
    shifts, end = [0.0], spans[0][1] if spans else zero
    for first, last in spans[1:]:
        shifts.append(end - first)
        end += last - first
    return Clock(zero, tuple(shifts), end - zero)
