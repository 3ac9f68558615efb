"""Which sample of a file a frame of audio is, when the frames before it were not decoded.

Most containers count time in samples. Others round it (Matroska to milliseconds); there frames are counted from the
beginning or from the last hole, so that a clip is the same samples as that piece of the whole.
"""

import itertools
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from macaw_cli.media.clock import Clock, packets_in_order


@dataclass(frozen=True, slots=True)
class Place:
    """Where frames lie: at `time` seconds sample number `sample`, each of `size` samples; 0: times are exact."""

    time: float = 0.0
    sample: int = 0
    size: int = 0

    def of(self, time: float, rate: int) -> int:
        """The first sample of the frame at `time`."""
        if not self.size:
            return round(time * rate)
        return self.sample + round((time - self.time) * rate / self.size) * self.size

    def fits(self, sizes: list[int]) -> bool:
        """Whether frames of these sizes, the last of which may be cut, can be counted."""
        return not self.size or all(size == self.size for size in sizes[:-1])


def place_after_jump(container: Any, stream: Any, clock: Clock, time: float, hole_s: float) -> Place | None:
    """Where frames lie around `time`; None where only reading from the beginning tells.

    Args:
        container: at its beginning; it stands somewhere else afterwards.
        stream: of audio.
        clock: of the file, whose timestamps do not begin anew.
        time: on this clock.
        hole_s: a longer time without packets is a hole, behind which counting begins anew.
    """
    base, rate = Fraction(stream.time_base), stream.codec_context.sample_rate
    if base.numerator == 1 and rate and (base.denominator % rate == 0 or base.denominator * 2 == rate):
        return Place()
    frames: list[Any] = []
    with suppress(av.FFmpegError, IndexError):
        frames += itertools.islice(container.decode(stream), 3)
    if len(frames) < 3 or any(frame.pts is None for frame in frames):
        return None
    times = [clock.seconds(frame.pts, frame.time_base) for frame in frames]
    rate, size = frames[1].sample_rate, frames[1].samples
    if frames[2].samples != size or times[1] - times[0] > frames[0].samples / rate + hole_s:
        return None
    place, last = Place(times[1], round(times[0] * rate) + frames[0].samples, size), times[2]
    for packet in packets_in_order(container, stream, clock):
        if packet.pts is None:
            continue
        here = clock.seconds(packet.pts, packet.time_base)
        if here >= time:
            return place
        ahead = here - last - size / rate
        if ahead < -hole_s - size / rate:
            return None
        if ahead > hole_s:
            place = Place(here, round(here * rate), size)
        last = here
    return place
