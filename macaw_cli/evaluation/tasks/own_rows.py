"""Tables of a user's own questions: CSV, JSONL or JSON with a column for each thing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from macaw_cli.basics.csv_rows import csv_rows
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import Row, json_rows
from macaw_cli.evaluation.tasks.item import Medium
from macaw_cli.evaluation.tasks.row_reading import texts_of
from macaw_cli.evaluation.tasks.task import Task
from macaw_cli.modalities.table import MODALITIES

TABLES = (".csv", ".tsv", ".tab")


def numbered_rows(path: Path) -> Iterator[Row]:
    """The rows of a table, each with its number as `id` where it has none."""
    for number, row in csv_rows(path) if path.suffix.lower() in TABLES else json_rows(path):
        yield number, {"id": number, **row} if isinstance(row, dict) else row


def medium_of(row: Any, task: Task[Any]) -> Medium:
    """The file that a row names under `image`, `audio`, `video` or another modality.

    Raises:
        InputError: it names none, or the file is not there.
    """
    modality = next((name for name in MODALITIES if row.get(name)), None)
    if modality is None:
        raise InputError(f"names no medium: needs one of the columns {', '.join(MODALITIES)}")
    return task.medium(modality, *texts_of(row, modality))


def listed(value: Any) -> tuple[str, ...]:
    """The texts of a list, or of a text with `;` between them; none of nothing."""
    parts = value.split(";") if isinstance(value, str) else value if isinstance(value, list) else ()
    return tuple(text for part in parts if (text := str(part).strip()))
