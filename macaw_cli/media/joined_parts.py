"""Where audio files were joined to one (`cat a.ogg b.ogg`): its parts, each a file by itself.

Told from the content, never the name.
"""

import mmap
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from macaw_cli.basics.regular_files import open_regular
from macaw_cli.media import mpeg_frames

_WHOLE = (b"RIFF", b"RIFX", b"RF64", b"FORM", b".snd", b"caff", b"riff")
"""First bytes of formats that tell their own length: what follows is another thing."""
_FLAC_BEGINS = b"fLaC\x00\x00\x00\x22"
_OGG_PAGE = b"OggS\x00"
_UNTOLD_FRAMES = 5
"""So many MPEG frames encoders add and decoders take away at both ends."""


@dataclass(frozen=True, slots=True)
class Part:
    """`size` bytes from `offset` on; `samples` of one channel as the frames say, or None where that is not counted."""

    offset: int
    size: int
    samples: int | None = None

    def may_have(self, samples: int) -> bool:
        """Whether a decoder that announces so many samples has seen the whole part."""
        spare = _UNTOLD_FRAMES * mpeg_frames.LONGEST_FRAME
        return self.samples is None or abs(samples - self.samples) <= spare


def parts_of(path: Path) -> list[Part]:
    """The parts of an audio file, none where its content is nothing that soundfile reads.

    A file that is missing or empty has no parts.
    """
    try:
        found = path.stat()
        return list(_parts(str(path), (found.st_ino, found.st_size, found.st_mtime_ns)))
    except OSError:
        return []


@lru_cache(maxsize=8)
def _parts(path: str, stamp: tuple[int, int, int]) -> tuple[Part, ...]:
    """`stamp` tells one content of the path from another."""
    size = stamp[1]
    if not size:
        return ()
    with open_regular(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content[:4] in _WHOLE:
            return (Part(0, size),)
        begin = mpeg_frames.behind_tag(content, 0)
        if content[begin : begin + 4] == b"fLaC":
            return _flac(content, begin)
        if content[:4] == b"OggS":
            return _ogg(content)
        return tuple(Part(*found) for found in mpeg_frames.parts(content, begin))


def _flac(content: mmap.mmap, begin: int) -> tuple[Part, ...]:
    borders = [0]
    while (following := content.find(_FLAC_BEGINS, max(borders[-1], begin) + 4)) > 0:
        borders.append(following)
    return _between(borders, len(content))


def _ogg(content: mmap.mmap) -> tuple[Part, ...]:
    """Links of a chain; none where streams lie side by side, among which FFmpeg has to choose."""
    second = _page_end(content, 0)
    if content[second : second + 5] == _OGG_PAGE and content[second + 5] & 2:
        return ()
    # every page is looked at: a file that was joined to itself has the same serial number at both ends
    borders, position, begins = [0], 0, True
    while 0 <= position < len(content) - 27:
        if content[position : position + 5] != _OGG_PAGE:
            position = content.find(_OGG_PAGE, position + 1)
            continue
        if content[position + 5] & 2 and not begins:
            borders.append(position)
        begins = bool(content[position + 5] & 2)
        position = _page_end(content, position)
    return _between(borders, len(content))


def _page_end(content: mmap.mmap, page: int) -> int:
    if page + 27 > len(content):
        return len(content)
    segments = content[page + 26]
    return page + 27 + segments + sum(content[page + 27 : page + 27 + segments])


def _between(borders: list[int], end: int) -> tuple[Part, ...]:
    ends = [*borders[1:], end]
    return tuple(Part(first, last - first) for first, last in zip(borders, ends, strict=True))
