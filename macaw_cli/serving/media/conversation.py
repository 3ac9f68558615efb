"""A request's messages and the media in them, as the model's templates take them."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from macaw_cli.inference.attachments import Attachment
from macaw_cli.inference.conversations import in_training_order
from macaw_cli.serving.requests.content_parts import Medium, Message


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
    """Canonical messages: media of the first user message stand before everything, as in the training data.

    Unless text stands between them, in which case each keeps its place.

    Args:
        messages: of the request.
        found: the attachments of each `Medium`, by its `id`.
    """
    first = next((message for message in messages if message.role == "user"), None)
    unplaced = first is not None and not _is_interleaved(first)
    canonical: list[dict[str, Any]] = []
    attachments: list[Attachment] = []
    for message in messages:
        attached = [item for medium in message.media for item in found[id(medium)]]
        if message is first and unplaced:
            attached = in_training_order(attached)
        elif message.media:
            canonical.append({"role": message.role, "content": _parts_of(message, found)})
            attachments += attached
            continue
        canonical.append({"role": message.role, "content": _text_of(message)})
        attachments += attached
    media = [medium for message in messages for medium in message.media]
    told = [_told(item, part) for part, medium in enumerate(media) for item in found[id(medium)]]
    return Conversation(canonical, attachments, told)


def _is_interleaved(message: Message) -> bool:
    """Whether text stands between two media, or media between two texts."""
    kinds = [isinstance(part, Medium) for part in message.parts if not (isinstance(part, str) and not part.strip())]
    return sum(one != other for one, other in itertools.pairwise(kinds)) > 1


def _text_of(message: Message) -> str:
    return "\n".join(part for part in message.parts if isinstance(part, str))


def _parts_of(message: Message, found: Mapping[int, list[Attachment]]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, str):
            parts.append({"type": "text", "text": part})
        else:
            parts += [{"type": item.modality} for item in found[id(part)]]
    return parts


def _told(attachment: Attachment, part: int) -> dict[str, Any]:
    """What a medium became; its path is the server's own."""
    known = {name: value for name, value in attachment.as_json().items() if name != "path"}
    return {"part": part, **known, **({"soundtrack": True} if attachment.soundtrack else {})}
