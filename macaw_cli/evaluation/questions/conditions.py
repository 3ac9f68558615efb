"""The conditions under which a held-out question is asked: with its media, with none, with another's."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from macaw_cli.evaluation.questions.media_units import units_of, with_unit_of
from macaw_cli.shards.training_rows import ConversationRow, MediaRef

MAIN_CONDITIONS = ("real", "none", "told", "swapped")
TEXT_ONLY = "text"
"""The `modality_name` of a conversation without media."""
SWAPPED_ONE = "swapped_"
"""Begins the name of a condition in which a part of the media is another example's."""
VIDEO_PARTS = (f"{SWAPPED_ONE}image", f"{SWAPPED_ONE}audio")
"""The frames of a video alone, its soundtrack alone."""


@dataclass(frozen=True)
class Asked:
    """A question under one condition.

    Args:
        row: number of the question.
        condition: its name.
        media: the media it is asked with, in order.
        contrary: whether the dataset itself gives another answer to the same words about exactly these media.
    """

    row: int
    condition: str
    media: tuple[MediaRef, ...]
    contrary: bool = False


def asked_under(
    number: int, row: ConversationRow, partner: ConversationRow | None, *, every: bool = True
) -> list[Asked]:
    """Every condition that applies to one question.

    A question without media is asked once. One with media is asked without them twice: silently (`none`), and with
    the note that nothing is attached (`told`). A video with its soundtrack is also asked with only the frames and
    only the soundtrack of the partner (`swapped_image`, `swapped_audio`).

    Args:
        number: the question's number, kept in the result.
        row: the question.
        partner: the example that lends its media; None leaves the swapped conditions out.
        every: False leaves out `told` and the separate swapping of frames and soundtrack, as a validation in training
            does.
    """
    asked = [Asked(number, "real", row.media)]
    if not row.media:
        return asked
    asked.append(Asked(number, "none", ()))
    if every:
        asked.append(Asked(number, "told", ()))
    if partner is None:
        return asked
    asked.append(Asked(number, "swapped", partner.media))
    soundtracks = {at: ref.soundtrack_of for at, ref in enumerate(row.media) if ref.soundtrack_of is not None}
    if every and soundtracks:
        for name, positions in zip(VIDEO_PARTS, (tuple(soundtracks.values()), tuple(soundtracks)), strict=True):
            asked.append(Asked(number, name, with_unit_of(row.media, partner.media, positions)))
    return asked


def asked_per_medium(
    number: int, row: ConversationRow, lenders: Sequence[tuple[Sequence[MediaRef], bool] | None]
) -> list[Asked]:
    """The conditions `swapped_1`, `swapped_2`, ...: one medium is another example's, the others are the question's own.

    Args:
        number: the question's number, kept in the result.
        row: the question.
        lenders: for each medium the media of the example that lends one, of the same layout, and whether the answer
            is surely another then; None leaves the medium's condition out. Empty where there are not several media.
    """
    asked = []
    for place, (unit, lender) in enumerate(zip(units_of(row.media), lenders, strict=False), start=1):
        if lender is not None:
            others, contrary = lender
            asked.append(Asked(number, f"{SWAPPED_ONE}{place}", with_unit_of(row.media, others, unit), contrary))
    return asked


def in_order(names: Iterable[str]) -> list[str]:
    """Names of conditions as they are shown: the main ones, then media by number, then the parts of a video."""
    return sorted(names, key=_order)


def _order(name: str) -> tuple[int, int, str]:
    if name in MAIN_CONDITIONS:
        return 0, MAIN_CONDITIONS.index(name), ""
    number = name.removeprefix(SWAPPED_ONE)
    if number.isdecimal():
        return 1, int(number), ""
    return (2, VIDEO_PARTS.index(name), "") if name in VIDEO_PARTS else (3, 0, name)


def modality_name(row: ConversationRow) -> str:
    """`image`, `audio`, `video`, a combination such as `image+audio`, or `text`; a soundtrack belongs to its video."""
    own = dict.fromkeys(ref.modality for ref in row.media if ref.soundtrack_of is None)
    return "+".join(own) or TEXT_ONLY


def examples_per_modality(rows: Iterable[ConversationRow]) -> dict[str, int]:
    """How many conversations there are of each `modality_name`."""
    return dict(Counter(modality_name(row) for row in rows))


def without_media(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages with the parts that name a medium's position taken out."""
    return [{**message, "content": _text_parts(message["content"])} for message in messages]


def absence_note(modality: str) -> str:
    """The sentence of the condition `told`, such as `(No image or audio is attached.)`.

    Args:
        modality: as `modality_name` gives it, media included.
    """
    *first, last = modality.split("+")
    return f"(No {', '.join(first)}{' or ' if first else ''}{last} is attached.)"


def told_without_media(messages: Sequence[Mapping[str, Any]], modality: str) -> list[dict[str, Any]]:
    """The messages without media, `absence_note` at the beginning of each user turn that has some.

    Media without a position belong to the first user turn, where the template puts them.

    Args:
        messages: canonical messages that end with the reference answer.
        modality: which media are missing.
    """
    told = without_media(messages)
    names = modality.split("+")
    placed = [_media_parts(message["content"]) for message in messages]
    for name in names:
        if not any(name in parts for parts in placed):
            first = next((at for at, message in enumerate(messages) if message["role"] == "user"), None)
            if first is not None:
                placed[first] |= {name}
    for message, parts in zip(told, placed, strict=True):
        missing = "+".join(name for name in names if name in parts)
        if missing:
            message["content"] = _after_note(absence_note(missing), message["content"])
    return told


def _media_parts(content: Any) -> set[str]:
    return set() if isinstance(content, str) else {part["type"] for part in content} - {"text"}


def _after_note(note: str, content: Any) -> Any:
    """The content with the note in its first text: one text more would make the second an input of the template."""
    if isinstance(content, str):
        return f"{note} {content}"
    first, *others = content or [{"type": "text", "text": ""}]
    return [{**first, "text": f"{note} {first['text']}"}, *others]


def _text_parts(content: Any) -> Any:
    return content if isinstance(content, str) else [part for part in content if part["type"] == "text"]
