"""Rows of a JSON file, whichever way it lists them: `[...]`, `{"data": [...]}`, or one object per line."""

import re
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.regular_files import open_regular

_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[][{},]', re.DOTALL)
Row = tuple[int, Any]
"""Number of the row from 1, and its JSON; an InputError in place of a line that is not JSON."""


def json_rows(path: Path) -> Iterator[Row]:
    """All rows of `path`.

    Raises:
        InputError: the file cannot be read, is not JSON, or holds no list of rows.
    """
    text = _text(path)
    first = text.lstrip()[:1]
    if first == "[" or (first == "{" and not _is_json(text.lstrip().partition("\n")[0])):
        return _document_rows(path, text)
    return _line_rows(path, text)


def _text(path: Path) -> str:
    try:
        with TextIOWrapper(open_regular(path), encoding="utf-8-sig") as file:
            text = file.read()
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.", "The path of a source is relative to macaw.yaml.") from None
    except UnicodeDecodeError as error:
        problem = f"{path} is not UTF-8 text ({error.reason} at byte {error.start})."
        raise InputError(problem, "Save the file as UTF-8.") from None
    if not text.strip():
        raise InputError(f"{path} is empty.", "A source needs at least one row.")
    return text


def _document_rows(path: Path, text: str) -> Iterator[Row]:
    try:
        content = parse_json(text, str(path), hint="Check whether the file is truncated or has another format.")
    except InputError:
        rows = [_line(piece) for piece in _pieces(text)]
        if any(not isinstance(row, InputError) for row in rows):
            return enumerate(rows, start=1)
        if _some_line_is_json(text):
            return _line_rows(path, text)
        raise
    if isinstance(content, dict) and isinstance(content.get("data"), list):
        content = content["data"]
    if not isinstance(content, list):
        raise InputError(f'{path} holds no list of rows: expected [...] or {{"data": [...]}}.')
    return enumerate(content, start=1)


def _pieces(text: str) -> list[str]:
    """The texts between the commas of a list, so that one bad row is not the end; none where its brackets do not match.

    Only brackets, commas and strings are looked at, as deep as they may be.
    """
    pieces: list[str] = []
    depth = start = 0
    for found in _STRUCTURE.finditer(text):
        token = found[0]
        if token in ("[", "{"):
            depth += 1
            start = start if pieces or depth > 1 else found.end()
        elif token in ("]", "}"):
            depth -= 1
        if depth == 0 or (token == "," and depth == 1):
            pieces.append(text[start : found.start()])
            start = found.end()
        if depth == 0:
            return pieces if text.lstrip()[0] == "[" and not text[start:].strip() else []
    return []


def _line_rows(path: Path, text: str) -> Iterator[Row]:
    # str.splitlines would also split at U+2028 and its like, which may stand inside a JSON text
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not _some_line_is_json(text):
        raise InputError(
            f"{path} is not JSON: none of its lines can be parsed.",
            "Check whether the file has another format.",
        )
    if len(lines) == 1 and isinstance(data := _line(lines[0][1]), dict) and isinstance(data.get("data"), list):
        return enumerate(data["data"], start=1)
    return ((number, _line(line)) for number, line in lines)


def _line(line: str) -> Any:
    try:
        return parse_json(line, "the line")
    except InputError as error:
        return InputError(error.problem.rstrip("."))


def _some_line_is_json(text: str) -> bool:
    return any(line.lstrip().startswith("{") and _is_json(line) for line in text.split("\n"))


def _is_json(line: str) -> bool:
    try:
        parse_json(line)
    except InputError:
        return False
    return True
