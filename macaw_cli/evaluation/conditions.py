"""The conditions under which a held-out question is asked: with its media, with none, with another's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from macaw_cli.shards.training_rows import ConversationRow, MediaRef

ALL_CONDITIONS = ("real", "none", "swapped", "swapped_picture", "swapped_sound")


@dataclass(frozen=True)
class Asked:
    """A question under one condition.

    Args:
        row: number of the question.
        condition: its name.
        media: the media it is asked with, in order.
    """

    row: int
    condition: str
    media: tuple[MediaRef, ...]


def asked_under(
    number: int, row: ConversationRow, partner: ConversationRow | None, *, apart: bool = True
) -> list[Asked]:
    """Every condition that applies to one question.

    A question without media is asked once. A video with its soundtrack is also asked with only the picture and only
    the sound of the partner (`swapped_picture`, `swapped_sound`).

    Args:
        number: the question's number, kept in the result.
        row: the question.
        partner: the example that lends its media; None leaves the swapped conditions out.
        apart: whether picture and sound of a video are swapped apart as well.
    """
    asked = [Asked(number, "real", row.media)]
    if not row.media:
        return asked
    asked.append(Asked(number, "none", ()))
    if partner is None:
        return asked
    asked.append(Asked(number, "swapped", partner.media))
    sounds = {at for at, ref in enumerate(row.media) if ref.soundtrack_of is not None}
    if apart and sounds:
        asked.append(Asked(number, "swapped_picture", _mixed(row.media, partner.media, sounds)))
        asked.append(Asked(number, "swapped_sound", _mixed(partner.media, row.media, sounds)))
    return asked


def modality_name(row: ConversationRow) -> str:
    """`image`, `audio`, `video`, a combination such as `image+audio`, or `text`; a soundtrack belongs to its video."""
    own = dict.fromkeys(ref.modality for ref in row.media if ref.soundtrack_of is None)
    return "+".join(own) or "text"


def without_media(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same messages with the parts that name a medium's position taken out."""
    return [{**message, "content": _text_parts(message["content"])} for message in messages]


def _text_parts(content: Any) -> Any:
    return content if isinstance(content, str) else [part for part in content if part["type"] == "text"]


def _mixed(
    sound_from: tuple[MediaRef, ...], picture_from: tuple[MediaRef, ...], sounds: set[int]
) -> tuple[MediaRef, ...]:
    return tuple(sound_from[at] if at in sounds else picture for at, picture in enumerate(picture_from))
