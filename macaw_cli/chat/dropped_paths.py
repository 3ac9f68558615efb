"""Media whose paths stand in a question, as terminals write them when a file is dropped: quoted or escaped."""

import re
import shlex
from pathlib import Path

from macaw_cli.basics.urls import local_place
from macaw_cli.media.kinds import modality_of
from macaw_cli.modalities.table import Modality

_BEGIN = r"""(?<!\S)(?=['"]?(?:/|~/|\.{1,2}/|file://))"""
"""Only what can be nothing but a path: a question may hold the name of a file and mean the name."""
_WORD = re.compile(_BEGIN + r"""(?:\\.|'[^'\n]*'|"(?:\\.|[^"\\\n])*"|[^\s'"\\])+""")
_ENDS = ".,;:!?)"
"""Belong to the question when they stand behind a path."""


def dropped_media(line: str) -> tuple[str, tuple[tuple[str, Modality], ...]]:
    """The media that are named in a line, and the line without them.

    Returns:
        What is left of the line; path and modality of each file that exists and is a medium.
    """
    if whole := _medium(line):  # a bare path with spaces
        return "", ((line, whole),)
    found: list[tuple[str, Modality]] = []

    def taken(match: re.Match[str]) -> str:
        word = match[0]
        for end in range(len(word), len(word.rstrip(_ENDS)) - 1, -1):
            path = _unquoted(word[:end])
            if path and (modality := _medium(path)):
                found.append((path, modality))
                return word[end:]
        return word

    rest = _WORD.sub(taken, line)
    if not found:
        return line, ()
    without_gaps = re.sub(r"[ \t]{2,}", " ", rest).strip()
    question = re.sub(rf" (?=[{re.escape(_ENDS)}](?:\s|$))", "", without_gaps)
    return question.lstrip(f"{_ENDS} "), tuple(found)


def _unquoted(word: str) -> str:
    try:
        parts = shlex.split(word)
    except ValueError:
        return ""
    return local_place(parts[0]) if len(parts) == 1 else ""


def _medium(path: str) -> Modality | None:
    """The modality of an existing file whose path cannot be mistaken for a word."""
    if not path.startswith(("/", "~/", "./", "../")):
        return None
    try:
        file = Path(path).expanduser()
        return modality_of(file) if file.is_file() else None
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, or the home of nobody
        return None
