"""Rows of a JSON file, whichever way it lists them: `[...]`, `{"data": [...]}`, or one object per line.

Nothing is read ahead of the row that is asked for, so a file may be larger than the memory.
"""

from collections.abc import Container, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.json_text_stream import JsonTextStream, not_utf8, open_source

Row = tuple[int, Any]
"""Number of the row from 1, and its JSON; an InputError in place of a row that is not JSON."""
DATA = ("data",)
"""The list of a file that is one object, as Macaw-LLM published its data."""


def json_rows(path: Path) -> Iterator[Row]:
    """All rows of `path`. Rows of lines are numbered by line, those of a list by their place in it.

    Raises:
        InputError: the file cannot be read, is not JSON, or holds no list of rows; in part only when reading arrives
            at what is wrong.
    """
    with JsonTextStream(path) as stream:
        first = stream.peek()
        if not first:
            raise InputError(f"{path} is empty.", "A source needs at least one row.")
        if first == "[":
            return _document_rows(path)
        if first == "{" and (layout := _layout(stream)) != "lines":
            if layout == "object":
                raise InputError(f'{path} holds no list of rows: expected [...] or {{"data": [...]}}.')
            return ((number, row) for _, number, row in json_lists(path, DATA))
    return _line_rows(path)


def json_lists(path: Path, names: Container[str]) -> Iterator[tuple[str, int, Any]]:
    """The items of some of the lists of a file that is one object, such as COCO's `images` and `annotations`.

    Args:
        path: of the file.
        names: of the lists; all other members are passed over.

    Returns:
        Name of the list, number of the item in it from 1, and the item; an InputError in place of a broken one.

    Raises:
        InputError: the file cannot be read, or is not JSON from some place on.
    """
    with JsonTextStream(path) as stream:
        stream.take("{")
        for name in _members(stream):
            for number, item in _items(stream):
                if name in names:
                    yield name, number, item
        _require_end(stream)


def json_members(path: Path) -> Iterator[tuple[str, Any]]:
    """The members of a file that is one object; an InputError in place of a broken value.

    Raises:
        InputError: the file cannot be read, or is not JSON from some place on.
    """
    with JsonTextStream(path) as stream:
        stream.take("{")
        for name in _members(stream):
            yield name, stream.value()
        _require_end(stream)


def member_names(path: Path, most: int = 20) -> frozenset[str]:
    """The names of the first members of a file that is one JSON object, up to the first list among their values.

    Returns:
        No name for a file that begins with something else.

    Raises:
        InputError: the file cannot be read, or is not JSON.
    """
    names: set[str] = set()
    with JsonTextStream(path) as stream:
        if stream.peek() != "{":
            return frozenset()
        stream.take("{")
        for name in _members(stream):
            names.add(name)
            if len(names) == most or stream.peek() == "[":
                break
            stream.value()
    return frozenset(names)


def _layout(stream: JsonTextStream) -> str:
    """`data` for an object with a list of rows, `object` for one without over several lines, else `lines`."""
    first_line = stream.line
    try:
        stream.take("{")
        for name in _members(stream):
            if name in DATA and stream.peek() == "[":
                return "data"
            for _, item in _items(stream):
                if isinstance(item, InputError):
                    return "lines"
        return "object" if stream.line > first_line and not stream.peek() else "lines"
    except InputError:
        return "lines"


def _members(stream: JsonTextStream) -> Iterator[str]:
    """The names of an object's members behind its `{`; whoever asks for the next one has read the value."""
    if stream.peek() == "}":
        stream.take("}")
        return
    while True:
        yield stream.key()
        if stream.take(",}") == "}":
            return


def _items(stream: JsonTextStream) -> Iterator[Row]:
    """The items of a list; of another value that value alone, numbered 0."""
    if stream.peek() != "[":
        yield 0, stream.value()
        return
    stream.take("[")
    number = 0
    if stream.peek() == "]":
        stream.take("]")
        return
    while True:
        number += 1
        yield number, stream.value()
        if stream.take(",]") == "]":
            return


def _document_rows(path: Path) -> Iterator[Row]:
    with JsonTextStream(path) as stream:
        yield from _items(stream)
        _require_end(stream)


def _require_end(stream: JsonTextStream) -> None:
    if found := stream.peek():
        raise stream.broken(f"{found} stands behind the end of the list")


def _line_rows(path: Path) -> Iterator[Row]:
    usable = False
    for number, line in text_lines(path):
        row = _line(line)
        usable = usable or isinstance(row, dict)
        yield number, row
    if not usable:
        raise InputError(
            f"{path} is not JSON: none of its lines can be parsed.", "Check whether the file has another format."
        )


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file that are not empty, with their numbers.

    Raises:
        InputError: the file does not exist, or is not UTF-8.
    """
    # only a line feed ends a line: U+2028 and its like may stand inside a JSON text
    with TextIOWrapper(open_source(path), encoding="utf-8-sig", newline="\n") as file:
        try:
            for number, line in enumerate(file, start=1):
                if not line.isspace():
                    yield number, line
        except UnicodeDecodeError as error:
            raise not_utf8(path, error) from None


def _line(line: str) -> Any:
    try:
        return parse_json(line, "the line")
    except InputError as error:
        return InputError(error.problem.rstrip("."))
