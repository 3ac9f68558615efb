"""`jsonl:` conversations as macaw itself writes them."""

from typing import Any

from macaw_cli.basics.errors import InputError


def from_canonical(row: dict[str, Any]) -> dict[str, Any]:
    """The row as it is.

    Raises:
        InputError: it is a row of another known format.
    """
    if "messages" not in row and "conversations" in row:
        raise InputError("the row has `conversations` instead of `messages`: read this file as llava:")
    if "messages" not in row and "instruction" in row:
        raise InputError("the row has `instruction` instead of `messages`: read this file as alpaca:")
    return row
