"""Values of the rows of published tables, checked."""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.shown_text import shown
from macaw_cli.evaluation.tasks.item import Medium


def fields_of(row: Any, *names: str) -> dict[str, Any]:
    """A row that has these keys.

    Raises:
        InputError: it is none, or lacks one.
    """
    if isinstance(row, InputError):
        raise row
    if not isinstance(row, dict):
        raise InputError(f"a row is an object, found {shown(row, 60)}")
    if missing := [name for name in names if row.get(name) is None]:
        raise InputError(f"has no `{missing[0]}`, only {shown(sorted(map(str, row)), 80)}")
    return row


def image_of(cell: Any, name: str) -> Medium:
    """The image of a cell: its bytes, or an object with `bytes`, as Parquet files of `datasets` have it.

    Raises:
        InputError: there are no bytes.
    """
    content = cell.get("bytes") if isinstance(cell, Mapping) else cell
    if not isinstance(content, bytes) or not content:
        raise InputError(f"the image {name} has no bytes")
    path = cell.get("path") if isinstance(cell, Mapping) else None
    suffix = Path(path).suffix if isinstance(path, str) else ""
    return Medium("image", content=content, name=f"{name}{suffix}")


def image_of_base64(text: str, name: str) -> Medium:
    """The image of a cell of a TSV.

    Raises:
        InputError: it is no base64.
    """
    try:
        return Medium("image", content=base64.b64decode(text, validate=True), name=name)
    except (binascii.Error, ValueError):
        raise InputError(f"the image of {name} is no base64") from None
