"""The check of a conversation's messages: roles in turn, text or parts, nothing empty."""

from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.modalities.table import MODALITIES, Modality


def checked_messages(messages: Any) -> list[dict[str, Any]]:
    """Check that user and assistant take turns, that the last word is the assistant's, and that nothing is empty.

    Args:
        messages: the value of `messages`, of any type.

    Returns:
        Messages of `role` and `content`; an assistant's content is text, others are text or a list of parts.

    Raises:
        InputError: with the reason.
    """
    if not isinstance(messages, list) or not messages:
        raise InputError(f"`messages` must be a list of messages, found {messages!r:.60}")
    checked = [_checked_message(message, number) for number, message in enumerate(messages, start=1)]
    turns = [message["role"] for message in checked]
    if "system" in turns[1:]:
        raise InputError("a system message can only be the first")
    turns = turns[turns[0] == "system" :]
    if turns != ["user", "assistant"] * (len(turns) // 2) or not turns:
        found = ", ".join(turns) or "nothing"
        raise InputError(f"user and assistant must take turns and the assistant must end, found {found}")
    return checked


def placed_media(messages: list[dict[str, Any]], modality: Modality) -> int:
    """How many parts of the messages name a position for a medium of `modality`."""
    parts = (part for message in messages if isinstance(message["content"], list) for part in message["content"])
    return sum(part["type"] == modality for part in parts)


def _checked_message(message: Any, number: int) -> dict[str, Any]:
    if not isinstance(message, dict) or message.get("role") not in ("system", "user", "assistant"):
        raise InputError(f"message {number} needs a role (system, user or assistant), found {message!r:.60}")
    role, content = message["role"], message.get("content")
    if isinstance(content, list):
        content = [_checked_part(part, number) for part in content]
        if role != "user":
            content = _only_text(content, role, number)
    if not isinstance(content, str | list):
        raise InputError(f"the content of message {number} must be text or a list of parts, found {content!r:.60}")
    if role == "assistant" and isinstance(content, str) and not content.strip():
        raise InputError(f"message {number}, an answer, is empty")
    return {"role": role, "content": content}


def _checked_part(part: Any, number: int) -> dict[str, str]:
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    if isinstance(part, dict) and part.get("type") in MODALITIES:
        if set(part) != {"type"}:
            raise InputError(
                f"a media part holds only its type, found {sorted(set(part) - {'type'})} in message {number}: "
                f'name the file in the list "{part["type"]}" of the conversation'
            )
        return {"type": part["type"]}
    raise InputError(f"message {number} has a part that is neither text nor {', '.join(MODALITIES)}: {part!r:.60}")


def _only_text(parts: list[dict[str, str]], role: str, number: int) -> str:
    if any(part["type"] != "text" for part in parts):
        raise InputError(f"message {number} ({role}) holds media; only user messages can")
    return "".join(part["text"] for part in parts)
