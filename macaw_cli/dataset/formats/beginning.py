"""The beginning of a file, by which its format is guessed."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from macaw_cli.basics.csv_rows import csv_header
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import json_rows, member_names

ROWS = 20
"""As many of the first rows are looked at."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What can be known of a file without reading it whole."""

    path: Path
    suffix: str
    """`.json` and the like, in small letters; empty for a folder."""
    members: frozenset[str]
    """For a JSON file that is one object: the names of its first members."""
    row: dict[str, Any]
    """The first row of a JSON file that is an object; empty without any."""
    columns: tuple[str, ...] = ()
    """The names in the header of a CSV file."""


def beginning_of(path: Path) -> Beginning:
    """Look at a file or folder. What cannot be read has nothing that a format would know."""
    suffix = path.suffix.lower() if path.is_file() else ""
    members: frozenset[str] = frozenset()
    row: dict[str, Any] = {}
    columns: tuple[str, ...] = ()
    try:
        if suffix in (".json", ".jsonl", ".ndjson"):
            members = member_names(path)
            row = next((one for _, one in islice(json_rows(path), ROWS) if isinstance(one, dict)), {})
        elif suffix in (".csv", ".tsv"):
            columns = csv_header(path)
    except (InputError, OSError):
        pass
    return Beginning(path, suffix, members, row, columns)
