"""Files of JSON and JSONL that macaw wrote, read as what they must hold; see `typed_rows`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import line_number, located_jsonl, read_json
from macaw_cli.basics.typed_rows import Kind


def read_object(path: Path, kind: Kind) -> Any:
    """The content of a JSON file that macaw wrote.

    Raises:
        DamagedError: it is not JSON, or something else than macaw writes there.
    """
    return kind.checked(read_json(path), str(path))


def iterate_objects(path: Path, kind: Kind) -> Iterator[Any]:
    """The rows of a JSONL file that macaw wrote, one at a time; absent means none.

    Raises:
        DamagedError: with the line that is not JSON, or something else than macaw writes there.
    """
    holds = kind.holds
    for position, row in located_jsonl(path):
        if not holds(row):
            kind.checked(row, f"{path}, line {line_number(path, position)}")
        yield row
