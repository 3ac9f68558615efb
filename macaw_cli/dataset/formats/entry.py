"""What a format of conversations is: a name, what it reads, and a function from a file to canonical rows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import Row, json_rows
from macaw_cli.dataset.formats.beginning import Beginning

Options = Mapping[str, str]
"""What stands behind the `?` of a source."""


def _itself(path: Path, options: Options) -> Sequence[Path]:
    return [path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format. Another package adds one by an entry point in the group `macaw.formats` that names a `Format`.

    A canonical row is a conversation (see `conversations.checked_conversation`) or an item with `captions` and no
    `messages` (see `items.checked_item`).
    """

    name: str
    summary: str
    """What is read, for the table of formats."""
    read: Callable[[Path, Options], Iterator[Row]]
    """File and options to numbered canonical rows, in a stream; an InputError in place of a row that is unusable."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Name of each option to what it does."""
    looks_like: Callable[[Beginning], bool] | None = None
    """Whether a file is of this format, by its beginning; None for a format that is never guessed."""
    files: Callable[[Path, Options], Sequence[Path]] = _itself
    """Every file that is read; their content is part of what decides the dataset."""
    resolve: Callable[[str, Callable[[str], bool]], tuple[str, dict[str, str]]] | None = None
    """For names that are more than a path: name and a test of whether a path exists to path and further options."""


def each(rows: Iterator[Row], convert: Callable[[dict[str, Any]], dict[str, Any]]) -> Iterator[Row]:
    """Every row as `convert` makes a canonical one of it; what it refuses becomes its InputError."""
    for number, row in rows:
        if isinstance(row, InputError):
            yield number, row
            continue
        try:
            if not isinstance(row, dict):
                raise InputError(f"a row is a JSON object, found {type(row).__name__}")
            yield number, convert(row)
        except InputError as error:
            yield number, error


def of_json(convert: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Path, Options], Iterator[Row]]:
    """`read` of a format whose rows are JSON objects that stand for themselves."""
    return lambda path, options: each(json_rows(path), convert)
