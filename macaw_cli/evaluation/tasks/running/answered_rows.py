"""What a finished task was asked, from its rows: so that the answers to other questions are known, and kept."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.typed_files import iterate_objects
from macaw_cli.basics.typed_rows import OBJECT, TEXT, Fields

_ROW = Fields({"id": TEXT, "answers": OBJECT})
_PARTS = ("id", "messages", "media", "references", "choices")


def answered_rows(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """What each row was asked, and under which conditions; not what was answered.

    Args:
        rows: as in `answers.jsonl` of a task.
    """
    return {json.dumps([*(row.get(part) for part in _PARTS), sorted(row["answers"])], sort_keys=True) for row in rows}


def answered_in(file: Path) -> set[str] | None:
    """`answered_rows` of a file; None where it cannot be read."""
    try:
        return answered_rows(iterate_objects(file, _ROW))
    except InputError:
        return None
