"""When each frame of a film is shown: read from its packets, without decoding.

Headers cannot be trusted with this: they count frames that an edit list hides, give the length of a part of an MPEG
program stream, or nothing at all (Matroska, MPEG-TS). One pass over the packets is certain and costs little beside
decoding.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np

from macaw_cli.basics.errors import InputError
from macaw_cli.media.containers import film_streams, open_media, packets_of, picture_stream

_STATES_ITS_LENGTH = {"mov", "matroska"}
"""Containers whose header gives the true length of the picture stream, so that a cut file shows."""


@dataclass(frozen=True)
class Timeline:
    """The frames of a film's best picture stream, in the order shown.

    Attributes:
        times: (n,) seconds since the first frame, ascending.
        positions: (n,) what identifies each frame: its timestamp or, where `counted`, the n-th timestamp of all.
        keys: (k,) timestamps at which decoding can begin, ascending.
        duration: seconds of picture, those that a cut file has lost included.
        end: seconds of picture that are there.
        counted: the container has no times of showing, only of decoding (AVI): frames are told apart by counting.
        open_groups: some frames shown before a key frame are decoded after it.
        containers: FFmpeg's names of the container.
        codec: FFmpeg's name of the codec.
        films: number of picture streams.
    """

    times: np.ndarray
    positions: np.ndarray
    keys: np.ndarray
    duration: float
    end: float
    counted: bool
    open_groups: bool
    containers: frozenset[str]
    codec: str
    films: int

    def at(self, time: float) -> int:
        """The position of the frame shown at `time`: the last one at or before it, within a millisecond."""
        return int(self.positions[max(0, int(np.searchsorted(self.times, time + 1e-3, side="right")) - 1)])


class _Packet(NamedTuple):
    """What is kept of a packet; its content would be the whole film in memory."""

    pts: int | None
    dts: int | None
    ticks: int
    key: bool
    hidden: bool


def timeline_of(path: Path) -> Timeline:
    """Read the times of a film's frames.

    Raises:
        InputError: not a film, or one without frames.
    """
    with open_media(path) as container:
        stream = picture_stream(container, path)
        packets = _packets(container, stream)
        containers = frozenset(container.format.name.split(","))
        counted = "avi" in containers or all(packet.pts is None for packet in packets)
        ticks, tick_s = _ticks(packets, stream, counted)
        if not len(ticks):
            raise InputError(f"{path} has no frame in it.")
        times = (ticks - ticks[0]) * tick_s
        end = float(times[-1]) + (packets[-1].ticks * float(stream.time_base) or _usual_gap(times))
        return Timeline(
            times=times, positions=ticks,
            keys=np.asarray(_keys(packets, counted), np.int64),
            duration=max(end, _stated_s(stream, containers)), end=end, counted=counted,
            open_groups=_open_groups(packets), containers=containers,
            codec=stream.codec_context.name, films=len(film_streams(container)),
        )  # fmt: skip


def _packets(container: Any, stream: Any) -> list[_Packet]:
    packets = []
    try:
        for packet in packets_of(container, stream):
            if packet.size and not packet.is_corrupt:
                known = packet.pts, packet.dts, packet.duration or 0, packet.is_keyframe, packet.is_discard
                packets.append(_Packet(*known))
    except av.FFmpegError:  # a cut file: what came before counts
        pass
    return packets


def _ticks(packets: list[_Packet], stream: Any, counted: bool) -> tuple[np.ndarray, float]:
    """When each frame is shown, ascending, and the seconds of one tick."""
    if not counted:
        shown = [packet.pts for packet in packets if packet.pts is not None and not packet.hidden]
        return np.unique(np.asarray(shown, np.int64)), float(stream.time_base)
    decoded = [packet.dts for packet in packets if packet.dts is not None]
    if len(decoded) == len(packets):  # frames change places, the set of times stays
        return np.sort(np.asarray(decoded, np.int64)), float(stream.time_base)
    return np.arange(len(packets)), float(1 / (stream.average_rate or stream.guessed_rate or 25))


def _keys(packets: list[_Packet], counted: bool) -> list[int]:
    """Timestamps at which decoding can begin, ascending."""
    stamps = [packet.dts if counted else packet.pts for packet in packets if packet.key]
    return sorted(stamp for stamp in stamps if stamp is not None)


def _open_groups(packets: list[_Packet]) -> bool:
    known = [(packet.pts, packet.key) for packet in packets if packet.pts is not None]
    times = np.asarray([pts for pts, _ in known], np.int64)
    keys = np.asarray([key for _, key in known], bool)
    earliest_to_come = np.minimum.accumulate(times[::-1])[::-1]
    return bool((earliest_to_come < times)[keys].any())


def _usual_gap(times: np.ndarray) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.04


def _stated_s(stream: Any, containers: frozenset[str]) -> float:
    """The length that the header gives the picture stream, or 0."""
    if not containers & _STATES_ITS_LENGTH:
        return 0.0
    if stream.duration:
        return float(stream.duration * stream.time_base)
    parts = stream.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = (float(part) for part in parts)
    except ValueError:
        return 0.0
    return hours * 3600 + minutes * 60 + seconds - float((stream.start_time or 0) * stream.time_base)
