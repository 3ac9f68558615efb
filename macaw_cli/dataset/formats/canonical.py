"""`jsonl:` conversations as macaw itself writes them, and items with captions."""

from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.entry import Format, of_json
from macaw_cli.dataset.formats.openai_chat import holds_media_parts


def from_canonical(row: dict[str, Any]) -> dict[str, Any]:
    """The row as it is; boxes of an item may stand under `instances`.

    Raises:
        InputError: it is a row of another known format.
    """
    if "messages" not in row and "conversations" in row:
        raise InputError("the row has `conversations` instead of `messages`: read this file as llava:")
    if "messages" not in row and "instruction" in row:
        raise InputError("the row has `instruction` instead of `messages`: read this file as alpaca:")
    if "messages" not in row and "instances" in row and "boxes" not in row:
        return {("boxes" if key == "instances" else key): value for key, value in row.items()}
    return row


def _looks_like(file: Beginning) -> bool:
    return "captions" in file.row or ("messages" in file.row and not holds_media_parts(file.row["messages"]))


CANONICAL = Format(
    name="jsonl",
    summary="macaw's own: rows with `messages`, or with `captions`; media under `image`, `audio`, `video`",
    read=of_json(from_canonical),
    looks_like=_looks_like,
)
