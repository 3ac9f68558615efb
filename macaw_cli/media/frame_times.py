"""Frames of a video at given times, by decord or by PyAV: the same frames whichever serves.

The frame at time t is the last one that is shown at or before t. decord can spin for ever and read ahead gigabytes,
so nothing but the decoder process may call `decode_frames` (see `decoder_process.py`).
"""

import importlib.util
from pathlib import Path

import numpy as np

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.regular_files import open_regular
from macaw_cli.media.frame_search import is_stored_upright, search_frames
from macaw_cli.media.timeline import Timeline

_CUT_S = 0.5
"""A video may end this much before its header says without being called cut."""
_DECORD_KNOWS = {"mov", "matroska"}, {"h264", "hevc", "vp8", "vp9", "mpeg4"}
"""Containers and codecs for which decord was seen to give the right frames; MPEG-TS, AVI and AV1 are not among them."""
_DECORD_ROUNDING_S = 2e-3


def spread_times(
    duration: float, count: int, start: float | None, end: float | None, begin: float = 0.0
) -> list[float]:
    """`count` evenly spaced times: the middles of equal parts of the video, or of the clip from `start` to `end`.

    Args:
        duration: when the video's last frame ends.
        count: how many times.
        start: first second of the clip; None is the beginning.
        end: last second of the clip; None is the end.
        begin: when the video's first frame is shown.

    Raises:
        InputError: the clip lies outside the video.
    """
    first, last = max(start or 0.0, begin), duration if end is None else min(end, duration)
    if (start or 0.0) < 0 or first >= last:
        there = f"{begin:.2f} s to {duration:.2f} s"
        raise InputError(f"The clip from {start} s to {end} s is not inside the video, which has frames from {there}.")
    return [first + (last - first) * (number + 0.5) / count for number in range(count)]


def decode_frames(path: Path, times: list[float], timeline: Timeline, decoder: str) -> np.ndarray:
    """The frames shown at `times`.

    Args:
        path: the video.
        times: ascending seconds.
        timeline: of this video.
        decoder: `pyav`, which is faster and knows more videos, or `decord`, which is left
            out where it is absent or cannot be trusted with the video.

    Returns:
        (len(times), H, W, 3) uint8 RGB, upright.

    Raises:
        InputError: it cannot be decoded, or ends before the last time.
    """
    if times[-1] > timeline.end + _CUT_S:
        raise InputError(
            f"{path} is truncated: it ends at {timeline.end:.1f} s, so there is no frame at {times[-1]:.1f} s."
        )
    positions = [timeline.at(time) for time in times]
    may = decoder == "decord" and _decord_may(timeline) and _is_no_playlist(path)
    if may and is_stored_upright(path, timeline):
        frames = _by_decord(path, positions, timeline)
        if frames is not None:
            return frames
    return search_frames(path, positions, timeline)


def _decord_may(timeline: Timeline) -> bool:
    """Whether decord gives the right frames: it takes no choice of streams, and shows pixels as they are stored.

    It loses count after a key frame that later frames reach back over.
    """
    containers, codecs = _DECORD_KNOWS
    known = bool(timeline.containers & containers) and timeline.codec in codecs and timeline.pixel_aspect == 1
    simple = timeline.video_streams == 1 and not timeline.open_groups
    return known and simple and importlib.util.find_spec("decord") is not None


def _is_no_playlist(path: Path) -> bool:
    """Decord brings an older FFmpeg that cannot be told which formats to take: nothing that it might read as text."""
    with open_regular(path) as file:
        text, zero, _ = file.read(512).partition(b"\0")
    begins = text.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"#", b"ff"))
    return bool(zero) and b"<" not in text and not begins


def _by_decord(path: Path, positions: list[int], timeline: Timeline) -> np.ndarray | None:
    """None when decord refuses the video, or sees other frames in it: then reading may give wrong ones or never end."""
    import decord

    try:
        reader = decord.VideoReader(str(path), num_threads=1)
        if len(reader) != len(timeline.times):
            return None
        starts = np.sort(reader.get_frame_timestamp(range(len(reader)))[:, 0])
        if np.abs(starts - starts[0] - (timeline.times - timeline.begin)).max() > _DECORD_ROUNDING_S:
            return None
        return np.ascontiguousarray(reader.get_batch(np.searchsorted(timeline.positions, positions)).asnumpy())
    except (decord.DECORDError, RuntimeError, IndexError, ValueError):
        return None
