"""The turns of a conversation: questions, their media, and answers; and the messages that the model reads of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.inference.attachments import Attachment
from macaw_cli.inference.conversations import in_training_order


@dataclass(frozen=True)
class Turn:
    """One question with its media, and the answer that was given."""

    question: str
    attachments: tuple[Attachment, ...] = ()
    answer: str | None = None
    """None until there is one; an empty answer keeps its turn."""
    attempt: int = 0
    """How often another answer was asked for."""
    is_example: bool = False
    """Whether the user gave the answer, to show the model how."""
    tokens: int | None = field(default=None, compare=False)
    """Of the conversation up to and with its answer; None where the model has not read it yet."""


def media_of(turns: Sequence[Turn]) -> list[Attachment]:
    """All media of a conversation, in order of appearance."""
    return [one for number, turn in enumerate(turns) for one in (_placed(turn) if number else turn.attachments)]


def messages_of(turns: Sequence[Turn], system: str = "") -> list[dict[str, Any]]:
    """The canonical messages of `turns`; the last one may lack its answer.

    Media of the first turn get no position: they stand where the training data has them, before everything. Later
    ones stand before the text of their turn, soundtracks directly before their videos.
    """
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    for number, turn in enumerate(turns):
        parts = [{"type": item.modality} for item in _placed(turn)] if number > 0 else []
        text = {"type": "text", "text": turn.question}
        messages.append({"role": "user", "content": [*parts, text] if parts else turn.question})
        if turn.answer is not None:
            messages.append({"role": "assistant", "content": turn.answer})
    return messages


def _placed(turn: Turn) -> list[Attachment]:
    """The media of a later turn, in the order in which they stand."""
    tracks = [one for one in turn.attachments if one.soundtrack]
    placed: list[Attachment] = []
    for one in turn.attachments:
        if one.modality == "video" and (own := next((track for track in tracks if track.path == one.path), None)):
            tracks.remove(own)
            placed.append(own)
        placed += [] if one.soundtrack else [one]
    return [*tracks, *placed]


def without(attachments: Sequence[Attachment], medium: Attachment) -> list[Attachment]:
    """The attachments but one, whose soundtrack goes with it."""
    return [one for one in attachments if one is not medium and not (one.soundtrack and one.path == medium.path)]


def without_media(turns: Sequence[Turn]) -> list[Turn]:
    """The conversation as somebody has it who sees and hears nothing."""
    return [replace(turn, attachments=()) for turn in turns]


def with_swapped(turns: Sequence[Turn], new: Sequence[Attachment]) -> list[Turn]:
    """The conversation with another medium in the place of the newest one of its modality.

    A video's soundtrack goes with it.

    Args:
        turns: of the conversation.
        new: what one file became: a medium, and its soundtrack if it has one.

    Raises:
        InputError: the conversation has no medium of that modality.
    """
    modality = new[0].modality
    for number in reversed(range(len(turns))):
        media = turns[number].attachments
        old = next((one for one in reversed(media) if one.modality == modality and not one.soundtrack), None)
        if old is not None:
            changed = replace(turns[number], attachments=tuple(in_training_order([*without(media, old), *new])))
            return [*turns[:number], changed, *turns[number + 1 :]]
    raise InputError(
        f"No {modality} has been asked about, so none can be swapped.",
        f"Attach one with /{modality} PATH and ask about it first.",
    )
