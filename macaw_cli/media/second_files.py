"""Files joined end to end (`cat a.mp4 b.mp4`) in formats that tell their own length: decoders stop at the first end.

What a decoder reads on by itself (MPEG-TS, Ogg, MP3, the audio of Matroska ...) is no matter for this file.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.regular_files import open_regular

_UNTOLD = (0, 0xFFFFFFFF)
"""What stands for a length that nobody knew when the file began."""
_MOST_STEPS = 100_000
"""Boxes or chunks that are looked at; a whole file of these formats has far fewer."""
_SMALL = 16
_EBML = b"\x1aE\xdf\xa3"
"""The first bytes of Matroska and WebM."""
_NOTABLE_S = 0.1
"""Seconds of audio whose loss is worth a reject."""
_RUBBISH = 0.1
"""Share of the audio up to which bytes behind a header that was finished are no audio."""


def require_one_file(path: Path) -> None:
    """Refuse a file behind whose end another one of the same format begins, or audio that its header does not tell.

    Raises:
        InputError: with the byte at which the second one begins, or the number of bytes that are not told.
        OSError: it does not exist or cannot be read.
    """
    with open_regular(path) as content:
        size = content.seek(0, 2)
        content.seek(0)
        head = content.read(_SMALL)
        second = next((found for test, find in _FORMATS if test(head) for found in find(content, size)), None)
        if second is None and head[:4] == b"RIFF" and head[8:12] == b"WAVE":
            _require_told_audio(path, content, size)
    if second is not None:
        raise _joined(path, second)


def require_one_matroska(path: Path) -> None:
    """Refuse a Matroska or WebM file behind whose end another one begins: its frames could not be told by time.

    Raises:
        InputError: with the byte at which the second one begins.
        OSError: it does not exist or cannot be read.
    """
    with open_regular(path) as content:
        size = content.seek(0, 2)
        second = next(_second_matroska(content, size), None)
    if second is not None:
        raise _joined(path, second)


def _joined(path: Path, second: int) -> InputError:
    return InputError(
        f"{path} is several files joined end to end: a second one begins at byte {second:,}.",
        "Join them with a program that writes a new file, such as ffmpeg, or give them one by one.",
    )


def _second_matroska(content: BinaryIO, size: int) -> Iterator[int]:
    """Elements of an id, a length whose first byte tells how many bytes it has, and their data."""
    place = 0
    for _ in range(_MOST_STEPS):
        content.seek(place)
        head = content.read(_SMALL)
        if head[:4] == _EBML and place:
            yield place
            return
        id_bytes = 9 - head[0].bit_length() if head else 9
        length_bytes = 9 - head[id_bytes].bit_length() if id_bytes <= 4 and len(head) > id_bytes else 9
        if length_bytes > 8 or (not place and head[:4] != _EBML):
            return
        told = int.from_bytes(head[id_bytes : id_bytes + length_bytes], "big")
        unknown = (1 << 7 * length_bytes) - 1
        if (told := told & unknown) == unknown:
            return
        place += id_bytes + length_bytes + told
        if place >= size:
            return


def _second_movie(content: BinaryIO, size: int) -> Iterator[int]:
    """ISO media (MP4, MOV, M4A, 3GP): a second `ftyp` with a second `moov` behind it."""
    place, begins, movies = 0, 0, 0
    for _ in range(_MOST_STEPS):
        length, kind = _box(content, place)
        if kind == b"ftyp" and place:
            begins = place
        movies += kind == b"moov"
        if movies == 2 and begins:
            yield begins
            return
        if length < 8 or place + length >= size:
            return
        place += length


def _box(content: BinaryIO, place: int) -> tuple[int, bytes]:
    """Length and kind of the box at a place; the length is 0 where it is the rest of the file, or is none."""
    content.seek(place)
    head = content.read(_SMALL)
    length = int.from_bytes(head[:4], "big")
    return (int.from_bytes(head[8:16], "big") if length == 1 else length), head[4:8]


def _second_chunk_file(content: BinaryIO, size: int) -> Iterator[int]:
    """RIFF/WAVE and AIFF: the whole file is one chunk, padded to an even length."""
    content.seek(0)
    head = content.read(12)
    length = int.from_bytes(head[4:8], "little" if head[:4] == b"RIFF" else "big")
    if length not in _UNTOLD:
        yield from _same_begin(content, 8 + length + length % 2, head[:4], size)


def _second_avi(content: BinaryIO, size: int) -> Iterator[int]:
    """Chunks `AVI `, and `AVIX` for what is behind the first gigabyte."""
    place = 0
    for _ in range(_MOST_STEPS):
        content.seek(place)
        head = content.read(12)
        length = int.from_bytes(head[4:8], "little")
        if place and head[:4] == b"RIFF" and head[8:] == b"AVI ":
            yield place
            return
        if head[:4] not in (b"RIFF", b"JUNK") or length in _UNTOLD or place + 8 + length >= size:
            return
        place += 8 + length + length % 2


def _second_au(content: BinaryIO, size: int) -> Iterator[int]:
    content.seek(0)
    head = content.read(_SMALL)
    start, length = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big")
    if length not in _UNTOLD:
        yield from _same_begin(content, start + length, head[:4], size)


def _second_caf(content: BinaryIO, size: int) -> Iterator[int]:
    place = 8
    for _ in range(_MOST_STEPS):
        content.seek(place)
        head = content.read(12)
        length = int.from_bytes(head[4:12], "big", signed=True)
        if head[:4] == b"caff":
            yield place
            return
        if length < 0 or place + 12 + length >= size:
            return
        place += 12 + length


def _second_flv(content: BinaryIO, size: int) -> Iterator[int]:
    """Tags of 11 bytes, their data, and 4 bytes that repeat the length."""
    content.seek(0)
    place = int.from_bytes(content.read(9)[5:9], "big") + 4
    while place + 11 < size:
        content.seek(place)
        head = content.read(11)
        if head[:3] == b"FLV":
            yield place
            return
        if head[0] & 0x1F not in (8, 9, 18):
            return
        place += 11 + int.from_bytes(head[1:4], "big") + 4


def _same_begin(content: BinaryIO, place: int, begin: bytes, size: int) -> Iterator[int]:
    for at in (place, place - 1):  # some writers do not pad
        content.seek(max(at, 0))
        if 0 < at < size and content.read(len(begin)) == begin:
            yield at
            return


def _require_told_audio(path: Path, content: BinaryIO, size: int) -> None:
    """Refuse a WAVE whose header tells less audio than there is, as recorders leave it that were cut off."""
    content.seek(4)
    ends = 8 + int.from_bytes(content.read(4), "little")
    place, each_second = 12, 0
    for _ in range(_MOST_STEPS):
        content.seek(place)
        head = content.read(_SMALL + 8)
        kind, length = head[:4], int.from_bytes(head[4:8], "little")
        if kind == b"fmt ":
            each_second = int.from_bytes(head[16:20], "little")
        place += 8 + length
        if length in _UNTOLD or place >= size:
            return
        if kind == b"data":
            break
    content.seek(place)
    behind = content.read(1 << 12)
    is_chunk = any(behind[at : at + 3].isalnum() and behind[at : at + 4].isascii() for at in (0, 1))
    notable = max(each_second * _NOTABLE_S, _RUBBISH * length if abs(ends - place) <= 1 else 0.0)
    if size - place > notable and not is_chunk and behind.strip(b"\0"):
        raise InputError(
            f"{path} holds {size - place:,} bytes behind the {length:,} bytes of audio that its header tells.",
            "Repair its header, for example with: ffmpeg -ignore_length 1 -i IN.wav OUT.wav",
        )


_FORMATS: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, int], Iterator[int]]], ...] = (
    (lambda head: head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"), _second_movie),
    (lambda head: (head[:4] == b"RIFF" and head[8:12] == b"WAVE") or head[:4] == b"FORM", _second_chunk_file),
    (lambda head: head[:4] == b"RIFF" and head[8:12] == b"AVI ", _second_avi),
    (lambda head: head[:4] == b".snd", _second_au),
    (lambda head: head[:4] == b"caff", _second_caf),
    (lambda head: head[:3] == b"FLV", _second_flv),
)
