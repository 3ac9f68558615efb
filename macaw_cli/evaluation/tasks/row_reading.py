"""Items of a published file, row by row: what a row lacks becomes an InputError in its place."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import Row
from macaw_cli.basics.shown_text import shown
from macaw_cli.evaluation.tasks.item import Item


def items_of_rows(file: Path, rows: Iterable[Row], make: Callable[[Any], Item | None]) -> Iterator[Item | InputError]:
    """An item of each row.

    Args:
        file: that the rows are from, for messages.
        rows: with their numbers.
        make: an item of a row; None where the row is not asked; an InputError says why it cannot be.
    """
    for number, row in rows:
        try:
            if isinstance(row, InputError):
                raise row
            item = make(row)
        except InputError as error:
            yield InputError(f"{file.name}, row {number}: {error.problem}")
            continue
        if item is not None:
            yield item


def texts_of(row: Any, *names: str) -> list[str]:
    """The texts under some names of a row; numbers are texts as well.

    Raises:
        InputError: one of them is missing, empty, or something else.
    """
    if isinstance(row, InputError):
        raise row
    found = []
    for name in names:
        value = row.get(name) if isinstance(row, dict) else None
        if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
            raise InputError(f"needs {', '.join(f'`{one}`' for one in names)}, found {shown(row, 60)}")
        found.append(str(value).strip())
    return found
