"""Texts in a JSONL file that only its user can read, such as what was typed: the newest ones are kept."""

import os
from pathlib import Path

from macaw_cli.basics.atomic_files import jsonl_line
from macaw_cli.basics.errors import InputError, MacawError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.regular_files import open_regular
from macaw_cli.basics.working_files import open_descriptor, take_place, working_name

_PRIVATE = 0o600
_PRIVATE_FOLDER = 0o700


class PrivateLines:
    """One text a line. What cannot be read or written is left out: nobody's work depends on it.

    Args:
        file: is made with its folder when the first text is added.
        kept: texts that are remembered; the file is written anew when it has twice as many.
    """

    def __init__(self, file: Path, kept: int = 1000) -> None:
        self._file, self._kept = file, kept

    def texts(self) -> list[str]:
        """The texts, the oldest first."""
        return self._all()[-self._kept :]

    def add(self, text: str) -> None:
        """Add a text."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_FOLDER)
            self._append(text)
            texts = self._all()
            if len(texts) > 2 * self._kept:
                self._replace(texts[-self._kept :])
        except (OSError, MacawError):
            return

    def _append(self, text: str) -> None:
        descriptor = open_descriptor(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        with os.fdopen(descriptor, "ab") as out:
            os.fchmod(descriptor, _PRIVATE)
            end = os.fstat(descriptor).st_size
            is_torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"  # by a process that was killed
            out.write(b"\n" * is_torn + jsonl_line(text).encode())

    def _replace(self, texts: list[str]) -> None:
        temporary = self._file.with_name(working_name(self._file.name))
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "wb") as out:
            out.write("".join(map(jsonl_line, texts)).encode())
        take_place(temporary, self._file)

    def _all(self) -> list[str]:
        try:
            with open_regular(self._file) as file:
                lines = file.read().splitlines()
        except (OSError, InputError):
            return []
        return [text for line in lines if isinstance(text := _value(line), str) and text]


def _value(line: bytes) -> object:
    try:
        return parse_json(line)
    except InputError:
        return None
