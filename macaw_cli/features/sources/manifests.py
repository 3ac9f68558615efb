"""Rows of a JSONL manifest: which file, and which clip of it."""

import io
import math
from collections.abc import Iterator
from typing import BinaryIO

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.file_names import encodable
from macaw_cli.basics.json_text import parse_json

Row = tuple[str, float | None, float | None]
"""Path or URL, first and last second."""
_HINT = 'Each line is {"path": "a.mp4"}, with "start" and "end" in seconds for a clip.'


def manifest_rows(content: BinaryIO, manifest: str) -> Iterator[Row]:
    """The rows of a manifest, which may begin with the mark of UTF-8 that some editors write.

    Args:
        content: of the manifest; it is closed at the end.
        manifest: what it is called in messages.

    Raises:
        InputError: a line is not UTF-8, or no row.
    """
    # bytes that are no UTF-8 become lone surrogates here, and so can be told with their line
    with io.TextIOWrapper(content, encoding="utf-8-sig", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, start=1):
            where = f"{manifest}, line {number}"
            try:
                line.encode()
            except UnicodeEncodeError:
                raise InputError(f"{where} is not UTF-8.", "Save the manifest as UTF-8.") from None
            if line.strip():
                yield manifest_row(line.strip(), where)


def manifest_row(line: str, where: str) -> Row:
    """One line of a manifest.

    Args:
        line: of the manifest.
        where: the manifest and the line's number, for the message.

    Raises:
        InputError: it is no such row, or a clip without length.
    """
    try:
        row = parse_json(line)
        path, start, end = row["path"], _second(row.get("start")), _second(row.get("end"))
        if not path or not encodable(path):
            raise ValueError
    except (InputError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise InputError(f"{where} is not a manifest row: {line[:80]}", _HINT) from None
    if (start or 0) < 0 or (end is not None and end <= (start or 0)):
        raise InputError(f"{where}: the clip from {start} s to {end} s has no length.", _HINT)
    return path, start, end


def clip_fragment(start: float | None, end: float | None) -> str:
    """The clip as a media fragment, as in `film.mp4#t=1.5,4`: two clips that differ have two of them."""
    if start is None and end is None:
        return ""
    return f"#t={_written(start or 0)}" + ("" if end is None else f",{_written(end)}")


def _second(value: object) -> float | None:
    """JSON knows no NaN, but Python reads it."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str) or not math.isfinite(float(value)):
        raise ValueError
    return float(value)


def _written(second: float) -> str:
    return repr(float(second)).removesuffix(".0")
