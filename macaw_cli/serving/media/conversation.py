"""A request's messages and the media in them, as the model's templates take them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from macaw_cli.inference.attachments import Attachment
from macaw_cli.inference.conversations import in_training_order
from macaw_cli.model.text.media_places import with_first_media_unplaced
from macaw_cli.serving.requests.content_parts import Message


@dataclass(frozen=True)
class Conversation:
    """What is asked.

    Attributes:
        messages: in canonical form.
        attachments: all media, in order of appearance within each modality.
        told: what each medium became, for clients; `part` counts the media of the request.
    """

    messages: list[dict[str, Any]]
    attachments: list[Attachment]
    told: list[dict[str, Any]]


def conversation_of(messages: Sequence[Message], found: Mapping[int, list[Attachment]]) -> Conversation:
    """Canonical messages, and their media in the order in which the templates take them.

    Args:
        messages: of the request.
        found: the attachments of each `Medium`, by its `id`.
    """
    written = [
        {"role": message.role, "content": _parts_of(message, found) if message.media else _text_of(message)}
        for message in messages
    ]
    media = [medium for message in messages for medium in message.media]
    canonical = with_first_media_unplaced(written, [item.modality for medium in media for item in found[id(medium)]])
    attachments: list[Attachment] = []
    for message, one in zip(messages, canonical, strict=True):
        attached = [item for medium in message.media for item in found[id(medium)]]
        attachments += in_training_order(attached) if isinstance(one["content"], str) else attached
    told = [_told(item, part) for part, medium in enumerate(media) for item in found[id(medium)]]
    return Conversation(canonical, attachments, told)


def _text_of(message: Message) -> str:
    return "\n".join(part for part in message.parts if isinstance(part, str))


def _parts_of(message: Message, found: Mapping[int, list[Attachment]]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, str):
            parts.append({"type": "text", "text": part})
        else:
            parts += [{"type": item.modality} for item in in_training_order(found[id(part)])]
    return parts


def _told(attachment: Attachment, part: int) -> dict[str, Any]:
    """What a medium became; its path is the server's own."""
    known = {name: value for name, value in attachment.as_json().items() if name != "path"}
    return {"part": part, **known, **({"soundtrack": True} if attachment.soundtrack else {})}
