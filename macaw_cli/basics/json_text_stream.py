"""A JSON file of any size, value by value: only the value that is being read is held."""

import codecs
import re
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_text import parse_json, value_at
from macaw_cli.basics.regular_files import open_regular

CHUNK_BYTES = 1 << 20
_SPACE = re.compile(r"[ \t\r\n]*")
_STRUCTURE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["\][{},]', re.DOTALL)
_TRUNCATED_HINT = "Check whether the file is truncated or has another format."


class JsonTextStream:
    """The text of a JSON file from its beginning to its end. Close it, or use it in a `with` statement.

    Args:
        path: a regular file in UTF-8, with or without a byte order mark.

    Attributes:
        line: number of the line at which reading has arrived, from 1.

    Raises:
        InputError: the file does not exist or is no regular file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.line = 1
        self._file = open_source(path)
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text, self._at, self._read, self._ended = "", 0, 0, False

    def __enter__(self) -> "JsonTextStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def peek(self) -> str:
        """The next character that is no white space; empty at the end of the file."""
        while True:
            self._advance(_SPACE.match(self._text, self._at).end())  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, characters: str) -> str:
        """Go behind the next character.

        Raises:
            InputError: it is none of `characters`.
        """
        found = self.peek()
        if not found or found not in characters:
            raise self.broken(f"expected {' or '.join(characters)}, found {found or 'the end of the file'}")
        self._advance(self._at + 1)
        return found

    def key(self) -> str:
        """The name of an object's member, and go behind its colon.

        Raises:
            InputError: something else stands there.
        """
        while self.peek() == '"':
            try:
                name, end = value_at(self._text, self._at)
            except ValueError as error:
                if self._more():
                    continue
                raise self.broken(str(error)) from None
            self._advance(end)
            self.take(":")
            return str(name)
        raise self.broken("expected the name of a member")

    def value(self) -> Any:
        """The next value; an InputError in place of one that is broken but has an end.

        Raises:
            InputError: the file ends inside the value.
        """
        self.peek()
        while True:
            found = self._whole_value()
            if found is not None:
                return found[0]
            end = self._end_of_piece()
            if end is not None:
                return self._broken_piece(end)
            if not self._more():
                raise self.broken("the file ends inside a value")

    def broken(self, reason: str) -> InputError:
        """The error that the file is no JSON from here on."""
        return InputError(f"{self.path} is not valid JSON: line {self.line}: {reason}.", _TRUNCATED_HINT)

    def _whole_value(self) -> tuple[Any] | None:
        """The value, if it is whole and followed by what may follow a value."""
        try:
            value, end = value_at(self._text, self._at)
        except (ValueError, RecursionError):
            return None
        behind = _SPACE.match(self._text, end).end()  # type: ignore[union-attr]
        if behind == len(self._text) and self._more():
            return self._whole_value()
        if behind < len(self._text) and self._text[behind] not in ",]}":
            return None
        self._advance(end)
        return (value,)

    def _end_of_piece(self) -> int | None:
        """Where the comma or bracket stands that ends the value. Only brackets, commas and strings are looked at."""
        depth = 0
        for found in _STRUCTURE.finditer(self._text, self._at):
            token = found[0]
            if token == '"':  # of a string that has no end here
                return None
            if depth == 0 and token in ("]", "}", ","):
                return found.start()
            depth += (token in ("[", "{")) - (token in ("]", "}"))
        return None

    def _broken_piece(self, end: int) -> InputError:
        told = "the row is not valid JSON"
        try:
            parse_json(self._text[self._at : end].strip(), "the row")
        except InputError as error:
            told = error.problem.rstrip(".")
        broken = InputError(f"broken JSON at line {self.line}: {told}")
        self._advance(end)
        return broken

    def _advance(self, place: int) -> None:
        self.line += self._text.count("\n", self._at, place)
        self._at = place

    def _more(self) -> bool:
        """Read on; twice as much each time that one value needs it, so that a long value is not scanned too often."""
        if self._ended:
            return False
        data = self._file.read(max(CHUNK_BYTES, len(self._text) - self._at))
        self._ended = not data
        try:
            text = self._decoder.decode(data, final=self._ended)
        except UnicodeDecodeError as error:
            raise not_utf8(self.path, error, self._read) from None
        self._read += len(data)
        self._text, self._at = self._text[self._at :] + text, 0
        return True


def open_source(path: Path) -> Any:
    """Open a source's file for reading bytes.

    Raises:
        InputError: it does not exist or is no regular file.
    """
    try:
        return open_regular(path)
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.", "The path of a source is relative to macaw.yaml.") from None


def not_utf8(path: Path, error: UnicodeDecodeError, before: int = 0) -> InputError:
    """The error for text in another encoding.

    Args:
        path: of the file.
        error: what the decoder said.
        before: bytes that were read before those that the decoder had.
    """
    return InputError(
        f"{path} is not UTF-8 text ({error.reason} at byte {before + error.start}).", "Save the file as UTF-8."
    )
