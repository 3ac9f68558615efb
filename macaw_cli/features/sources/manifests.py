"""Rows of a JSONL manifest: which file, and which clip of it."""

import json

from macaw_cli.basics.errors import InputError

_HINT = 'Each line is {"path": "a.mp4"}, with "start" and "end" in seconds for a clip.'


def manifest_row(line: str, where: str) -> tuple[str, float | None, float | None]:
    """Path or URL, first and last second.

    Args:
        line: of the manifest.
        where: the manifest and the line's number, for the message.

    Raises:
        InputError: it is no such row, or a clip without length.
    """
    try:
        row = json.loads(line)
        path, start, end = row["path"], row.get("start"), row.get("end")
        start, end = (None if second is None else float(second) for second in (start, end))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{where} is no row of a manifest: {line[:80]}", _HINT) from None
    if (start or 0) < 0 or (end is not None and end <= (start or 0)):
        raise InputError(f"{where}: the clip from {start} s to {end} s has no length.", _HINT)
    return str(path), start, end


def clip_fragment(start: float | None, end: float | None) -> str:
    """The clip as a media fragment, as in `film.mp4#t=1.5,4`."""
    if start is None and end is None:
        return ""
    return f"#t={start or 0:g}" + ("" if end is None else f",{end:g}")
