"""Rows of a JSONL manifest: which file, and which clip of it."""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.file_names import encodable
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.shown_text import cut, shown
from macaw_cli.modalities.table import TABLE

Row = tuple[str, float | None, float | None]
"""Path or URL, with `series:` before it where the row tells its modality; first and last second."""
FIRST_ROWS = 20
"""A file without a good one among so many is no manifest."""
_HINT = 'Each line is {"path": "a.mp4"}, with "start" and "end" in seconds for a clip, or "modality".'


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that names nothing: its number, and what is wrong with it."""

    line: int
    reason: str


def manifest_rows(content: BinaryIO, manifest: str) -> Iterator[Row | BadRow]:
    """The rows of a manifest, which may begin with the mark of UTF-8 that some editors write.

    Args:
        content: of the manifest; it is closed at the end.
        manifest: what it is called in messages.

    Yields:
        What each line names; a line that is no row is a `BadRow`, so that the others are of use.

    Raises:
        InputError: not one good row is among the first ones, so that it is another kind of file.
    """
    bad: list[BadRow] | None = []  # None: a good row was found
    for found in _rows(content):
        if bad is None:
            yield found
        elif isinstance(found, BadRow):
            bad.append(found)
            if len(bad) == FIRST_ROWS:
                break
        else:
            yield from bad
            bad = None
            yield found
    if bad:
        raise InputError(f"{manifest}, line {bad[0].line}: {bad[0].reason}", _HINT)


def _rows(content: BinaryIO) -> Iterator[Row | BadRow]:
    # bytes that are no UTF-8 become lone surrogates here, and so can be told with their line
    with io.TextIOWrapper(content, encoding="utf-8-sig", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    yield _row(line.strip())
                except InputError as error:
                    yield BadRow(number, error.problem)


def _row(line: str) -> Row:
    """One line of a manifest.

    Raises:
        InputError: it is no such row, or a clip without length.
    """
    try:
        line.encode()
    except UnicodeEncodeError:
        raise InputError("It is not UTF-8. Save the manifest as UTF-8.") from None
    try:
        row = parse_json(line)
        path, start, end = row["path"], _second(row.get("start")), _second(row.get("end"))
        if not path or not encodable(path):
            raise ValueError
        modality = row.get("modality")
    except (InputError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise InputError(f"It is not a manifest row: {cut(line, 80)}") from None
    if (start or 0) < 0 or (end is not None and end <= (start or 0)):
        raise InputError(f"The clip from {start} s to {end} s has no length.")
    if modality is None:
        return path, start, end
    if modality not in TABLE:
        raise InputError(f"`modality` must be one of {', '.join(TABLE)}, found {shown(modality)}.")
    return f"{modality}:{path}", start, end


def clip_fragment(start: float | None, end: float | None) -> str:
    """The clip as a media fragment, as in `video.mp4#t=1.5,4`: two clips that differ have two of them."""
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
