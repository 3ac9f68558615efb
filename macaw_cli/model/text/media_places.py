"""Where media of the first question stand: before everything, as in the training data, whatever a client writes."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from macaw_cli.modalities.table import Modality
from macaw_cli.model.text.templates import unplaced_media


def with_first_media_unplaced(
    messages: Sequence[Mapping[str, Any]], media: Sequence[Modality]
) -> list[dict[str, Any]]:
    """Messages in which the media of the first user message have no place, unless they stand between texts.

    Clients of chat APIs give every medium a place in its message, mostly before or behind the question; training data
    mostly give none. A message without a place has a text as its content, which is empty where there was none.

    Args:
        messages: in canonical form.
        media: modalities of all media of the conversation.

    Raises:
        MismatchError: the messages name more positions than there are media.
    """
    unplaced_media(messages, media)
    changed = [dict(message) for message in messages]
    first = next((message for message in changed if message["role"] == "user"), None)
    if first is None or isinstance(first["content"], str):
        return changed
    if _is_apart(first["content"]):
        first["content"] = "\n".join(part["text"] for part in first["content"] if _is_said(part))
    return changed


def without_first_places(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same for a conversation of a dataset, whose texts stay the parts that they are.

    Published datasets, such as LLaVA's, give the media of the first question a place before its text, where other data
    and `macaw chat` give none: all of them become the same prompt.

    Args:
        messages: in canonical form.
    """
    changed = [dict(message) for message in messages]
    first = next((message for message in changed if message["role"] == "user"), None)
    if first is not None and not isinstance(first["content"], str) and _is_apart(first["content"]):
        first["content"] = [part for part in first["content"] if part.get("type") == "text"]
    return changed


def _is_apart(content: Sequence[Mapping[str, Any]]) -> bool:
    """Whether there are media, and all of them stand before all text, or behind it."""
    parts = [part for part in content if part.get("type") != "text" or _is_said(part)]
    kinds = [is_text for is_text, _ in groupby(parts, key=lambda part: part.get("type") == "text")]
    return len(kinds) < 3 and False in kinds


def _is_said(part: Mapping[str, Any]) -> bool:
    return part.get("type") == "text" and bool(part["text"].strip())
