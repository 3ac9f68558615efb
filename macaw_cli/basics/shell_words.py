"""Commands to type next, quoted for the shell: the one place that quotes."""

import os
import re
import shlex
from pathlib import Path

_NEEDS_ESCAPES = re.compile("[^ -~\xa0-\U0010ffff]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Nothing that a terminal shows, or that can be copied from it."""


def to_type(*words: str | Path) -> str:
    """`words` as a line that means just them when it is typed into a shell.

    Args:
        words: of the command. A `Path` that begins with `-` gets `./` before it, so that it is no option.
    """
    return " ".join(_quoted(_as_argument(word)) for word in words)


def near(folder: Path) -> Path:
    """A folder as it is typed here: from the current one where it lies below that."""
    here = os.path.relpath(folder)
    return folder if here.startswith("..") else Path(here)


def _as_argument(word: str | Path) -> str:
    return f"./{word}" if isinstance(word, Path) and str(word).startswith("-") else str(word)


def _quoted(word: str) -> str:
    if not _NEEDS_ESCAPES.search(word):
        return shlex.quote(word)
    safe = word.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + _NEEDS_ESCAPES.sub(_as_bytes, safe) + "'"


def _as_bytes(found: re.Match[str]) -> str:
    return "".join(f"\\x{byte:02x}" for byte in found[0].encode("utf-8", "surrogateescape"))
