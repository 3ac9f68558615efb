"""Where media of the first question stand: before everything, as in the training data, whatever a client writes."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any


def with_first_media_unplaced(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Messages in which the media of the first user message have no place, unless text stands between them.

    Clients of chat APIs give every medium a place in its message, mostly before or behind the question; training data
    mostly give none.

    Args:
        messages: in canonical form.
    """
    changed = [dict(message) for message in messages]
    first = next((message for message in changed if message["role"] == "user"), None)
    if first is None or isinstance(first["content"], str):
        return changed
    parts = [part for part in first["content"] if part["type"] != "text" or part["text"].strip()]
    kinds = [is_text for is_text, _ in groupby(parts, key=lambda part: part["type"] == "text")]
    if kinds in ([True, False], [False, True]):
        first["content"] = "\n".join(part["text"] for part in parts if part["type"] == "text")
    return changed
