"""Whole conversations as earlier turns of another one: how a model is shown examples."""

from collections.abc import Mapping, Sequence
from typing import Any

from macaw_cli.modalities.table import Modality
from macaw_cli.model.text.templates import parts_of, unplaced_media

Messages = Sequence[Mapping[str, Any]]


def with_earlier_turns(
    earlier: Sequence[tuple[Messages, Sequence[Modality]]], messages: Messages, media: Sequence[Modality]
) -> list[dict[str, Any]]:
    """One conversation: the earlier ones in order, then `messages`.

    Media without a position stand before everything in the whole conversation, as they do in training data; those of
    every later conversation get a position before their first question. System prompts of the earlier ones are left
    out. The media of the whole are those of the parts, one after another.

    Args:
        earlier: messages, answers included, and modality of each medium.
        messages: the conversation that goes on.
        media: modality of each of its media.

    Returns:
        Canonical messages.

    Raises:
        MismatchError: messages name more positions than they have media.
    """
    if not earlier:
        return [dict(message) for message in messages]
    system = [dict(message) for message in messages if message["role"] == "system"]
    turns: list[dict[str, Any]] = []
    for own, modalities in [*earlier, (messages, media)]:
        spoken = [message for message in own if message["role"] != "system"]
        turns += with_all_placed(spoken, modalities) if turns else [dict(message) for message in spoken]
    return [*system, *turns]


def with_all_placed(messages: Messages, media: Sequence[Modality]) -> list[dict[str, Any]]:
    """Messages in which every medium has a position: those that had none stand before the first question's text.

    Args:
        messages: in canonical form.
        media: modality of each medium.

    Raises:
        MismatchError: the messages name more positions than there are media.
    """
    changed = [dict(message) for message in messages]
    unplaced = [{"type": modality} for modality in unplaced_media(messages, media)]
    first = next((message for message in changed if message["role"] == "user"), None)
    if unplaced and first is not None:
        first["content"] = [*unplaced, *parts_of(first)]
    return changed
