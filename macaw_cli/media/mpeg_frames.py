"""The frames of MPEG audio (MP1, MP2, MP3): how many samples they hold, and where another stream begins."""

import mmap
import struct
from functools import lru_cache
from typing import NamedTuple

LONGEST_FRAME = 1152
"""Samples."""
_BITRATES = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""kbit/s by (1: MPEG 1, 2: MPEG 2 and 2.5; layer), ISO 11172-3 and 13818-3."""
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
"""Hz by the version's bits: MPEG 1, 2, 2.5."""
_TAG_PLACES = (36, 21, 13)
"""Where in its first frame an encoder writes how long the stream is: after the side information of each kind."""
_MONO = 0xC0
_LOST_BYTES = 1 << 16
"""More than this between two frames is no accident: the content is something else."""


class _Frame(NamedTuple):
    bytes: int
    samples: int
    stream: tuple[int, int]
    """Layer and Hz, which a stream keeps."""


def behind_tag(content: mmap.mmap, position: int) -> int:
    """Where an ID3v2 tag at `position` ends; `position` when there is none."""
    while content[position : position + 3] == b"ID3" and position + 10 <= len(content):
        size = 0
        for byte in content[position + 6 : position + 10]:
            size = size << 7 | byte & 0x7F
        position += 10 + size
    return position


def parts(content: mmap.mmap, begin: int) -> list[tuple[int, int, int]]:
    """The streams that were joined to one file.

    Args:
        content: of the file.
        begin: where the first frame should be.

    Returns:
        (offset, bytes, samples) of each; nothing when the content is no MPEG audio.
    """
    first = _frame(content, begin)
    if first is None:
        return []
    if whole := _as_announced(content, begin, first):
        return [(0, len(content), whole)]
    starts = _announcements(content)
    borders: list[int] = []
    samples: list[int] = []
    stream: tuple[tuple[int, int], bool] | None = None
    position, lost = begin, 0
    while position + 4 <= len(content):
        frame = _frame(content, position)
        found = frame and (frame.stream, content[position + 3] >= _MONO)
        if frame is None or (found != stream and not _goes_on(content, position, frame)):
            following = _resync(content, position)
            lost += following - position
            if lost > _LOST_BYTES and lost > following // 10:
                return []
            position = following
            continue
        if found != stream or (position in starts and samples[-1]):
            borders.append(position if borders else 0)
            samples.append(0)
            stream = found
        if position not in starts:
            samples[-1] += frame.samples
        position += frame.bytes
    ends = [*borders[1:], len(content)]
    return [(first, last - first, count) for first, last, count in zip(borders, ends, samples, strict=True) if count]


def _frame(content: mmap.mmap, position: int) -> _Frame | None:
    head = content[position : position + 3]
    return _read(head[1] << 8 | head[2]) if len(head) == 3 and head[0] == 0xFF else None


@lru_cache(maxsize=1 << 16)
def _read(head: int) -> _Frame | None:
    """From the second and third byte of a frame."""
    version, layer, bitrate, rate = head >> 11 & 3, 4 - (head >> 9 & 3), head >> 4 & 15, head >> 2 & 3
    if head >> 13 != 7 or version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return None
    family = 1 if version == 3 else 2
    hertz, bits = _RATES[version][rate], 1000 * _BITRATES[family, layer][bitrate - 1]
    padding = head >> 1 & 1
    if layer == 1:
        return _Frame((12 * bits // hertz + padding) * 4, 384, (layer, hertz))
    samples = 576 if layer == 3 and family == 2 else LONGEST_FRAME
    return _Frame(samples // 8 * bits // hertz + padding, samples, (layer, hertz))


def _goes_on(content: mmap.mmap, position: int, frame: _Frame) -> bool:
    """Whether the frame is followed by one of the same stream, or by the end: two bytes may look like a frame."""
    following = _frame(content, position + frame.bytes)
    return position + frame.bytes >= len(content) or (following is not None and following.stream == frame.stream)


def _as_announced(content: mmap.mmap, begin: int, frame: _Frame) -> int:
    """The samples of a file that is as long as its first frame says; 0 where that is not so or not said."""
    for place in _TAG_PLACES:
        tag = content[begin + place : begin + place + 16]
        if tag[:4] in (b"Xing", b"Info") and len(tag) == 16:
            flags, frames, size = struct.unpack(">3I", tag[4:])
            end = len(content) - (128 if content[-128:-125] == b"TAG" else 0)
            if flags & 3 == 3 and abs(end - begin - size) <= 2 * frame.bytes:
                return int(frames * frame.samples)
    return 0


def _announcements(content: mmap.mmap) -> set[int]:
    """Where frames may begin that announce a stream."""
    found = set()
    for tag in (b"Xing", b"Info"):
        place = content.find(tag)
        while place >= 0:
            found |= {place - before for before in _TAG_PLACES}
            place = content.find(tag, place + 4)
    return found


def _resync(content: mmap.mmap, position: int) -> int:
    """The next place after `position` where a frame may begin."""
    behind = behind_tag(content, position)
    if behind > position:
        return behind
    following = content.find(b"\xff", position + 1)
    return following if following >= 0 else len(content)
