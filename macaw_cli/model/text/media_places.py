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
    parts = [part for part in first["content"] if part["type"] != "text" or part["text"].strip()]
    kinds = [is_text for is_text, _ in groupby(parts, key=lambda part: part["type"] == "text")]
    if len(kinds) < 3 and False in kinds:
        first["content"] = "\n".join(part["text"] for part in parts if part["type"] == "text")
    return changed
