"""`jsonl:` conversations as macaw itself writes them, and items with captions."""

from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.entry import Format, of_json


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
    return "captions" in file.row or ("messages" in file.row and not _is_openai(file.row["messages"]))


def _is_openai(messages: Any) -> bool:
    """Whether a part of the messages holds a medium itself, which is how OpenAI's rows name theirs."""
    contents = [message.get("content") for message in messages if isinstance(message, dict)] if isinstance(
        messages, list) else []  # fmt: skip
    parts = [part for content in contents if isinstance(content, list) for part in content if isinstance(part, dict)]
    return any(str(part.get("type")).endswith("_url") or part.get("type") == "input_audio" for part in parts)


CANONICAL = Format(
    name="jsonl",
    summary="macaw's own: rows with `messages`, or with `captions`; media under `image`, `audio`, `video`",
    read=of_json(from_canonical),
    looks_like=_looks_like,
)
