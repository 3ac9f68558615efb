"""When each frame of a video is shown: read from its packets, without decoding.

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
from macaw_cli.media.clock import Clock, clock_of, packets_in_order
from macaw_cli.media.containers import main_video_stream, open_media, video_streams
from macaw_cli.media.second_files import require_one_matroska

_STATES_ITS_LENGTH = {"mov", "matroska"}
"""Containers whose header gives the true length of the video stream, so that a cut file shows."""


@dataclass(frozen=True)
class Timeline:
    """The frames of a video's best video stream, in the order shown.

    Attributes:
        times: (n,) seconds on the clock of the file, ascending; other tracks may begin before the first frame.
        positions: (n,) what identifies each frame: its timestamp or, where `counted`, the n-th timestamp of all.
        keys: (k,) timestamps at which decoding can begin, ascending.
        duration: when the last frame ends, seconds that a cut file has lost included.
        end: when the last frame that is there ends.
        counted: the container has no times of showing, only of decoding (AVI): frames are told apart by counting.
        open_groups: some frames shown before a key frame are decoded after it.
        containers: FFmpeg's names of the container.
        codec: FFmpeg's name of the codec.
        video_streams: number of video streams.
        clock: of the file.
        pixel_aspect: width of a stored pixel in heights of it.
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
    video_streams: int
    clock: Clock
    pixel_aspect: float

    @property
    def begin(self) -> float:
        """When the first frame is shown."""
        return float(self.times[0])

    def at(self, time: float) -> int:
        """The position of the frame shown at `time`: the last one at or before it, to the millisecond, or the first."""
        return int(self.positions[max(0, int(np.searchsorted(self.times, time + 1e-3, side="right")) - 1)])


class _Packet(NamedTuple):
    """What is kept of a packet; its content would be the whole video in memory."""

    pts: int | None
    dts: int | None
    ticks: int
    key: bool
    hidden: bool


def timeline_of(path: Path) -> Timeline:
    """Read the times of a video's frames.

    Raises:
        InputError: not a video, one without frames, or several Matroska files joined end to end.
    """
    with open_media(path) as container:
        stream = main_video_stream(container, path)
        clock = clock_of(container, path)
        packets = _packets(container, stream, clock)
        containers = frozenset(container.format.name.split(","))
        if "matroska" in containers:
            require_one_matroska(path)
        counted = "avi" in containers or all(packet.pts is None for packet in packets)
        ticks, tick_s = _ticks(packets, stream, counted)
        if not len(ticks):
            raise InputError(f"{path} has no frame in it.")
        times = (ticks - ticks[0]) * tick_s + (0.0 if counted else max(0.0, ticks[0] * tick_s - clock.zero))
        end = float(times[-1]) + (packets[-1].ticks * float(stream.time_base) or _usual_gap(times))
        return Timeline(
            times=times, positions=ticks,
            keys=np.asarray(_keys(packets, counted), np.int64),
            duration=max(end, _stated_end(stream, containers, clock, float(times[0]))), end=end, counted=counted,
            open_groups=_open_groups(packets), containers=containers,
            codec=stream.codec_context.name, video_streams=len(video_streams(container)),
            clock=clock, pixel_aspect=float(stream.sample_aspect_ratio or 1),
        )  # fmt: skip


def _packets(container: Any, stream: Any, clock: Clock) -> list[_Packet]:
    packets = []
    try:
        for packet in packets_in_order(container, stream, clock):
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


def _stated_end(stream: Any, containers: frozenset[str], clock: Clock, begin: float) -> float:
    """When the video stream, which begins at `begin`, ends according to the header, or 0."""
    if not containers & _STATES_ITS_LENGTH:
        return 0.0
    if stream.duration:
        return begin + float(stream.duration * stream.time_base)
    parts = stream.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = (float(part) for part in parts)
    except ValueError:
        return 0.0
    return hours * 3600 + minutes * 60 + seconds - clock.zero
