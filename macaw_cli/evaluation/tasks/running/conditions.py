"""The conditions under which the items of a task are asked: with their media, with none, with another's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from macaw_cli.config.tasks.base import Condition
from macaw_cli.evaluation.questions.conditions import told_without_media, without_media
from macaw_cli.evaluation.questions.held_out import text_of
from macaw_cli.evaluation.questions.pools import Question
from macaw_cli.evaluation.questions.swapping import swap_partners
from macaw_cli.evaluation.tasks.item import Item, Medium
from macaw_cli.model.text.media_places import with_first_media_unplaced


@dataclass(frozen=True)
class Asked:
    """An item under one condition.

    Args:
        number: of the item.
        condition: its name.
        media: the media it is asked with, in order.
    """

    number: int
    condition: Condition
    media: tuple[Medium, ...]


def everything_asked(items: Sequence[Item], conditions: Sequence[Condition]) -> list[Asked]:
    """Every item under every condition that applies to it: one without media is asked once, as `real`.

    Args:
        items: of one task.
        conditions: that are wanted.
    """
    partners = swap_partners([_as_question(item) for item in items], seed=0) if "swapped" in conditions else []
    asked: list[Asked] = []
    for number, item in enumerate(items):
        for condition in conditions if item.media else ("real",):
            if condition == "swapped":
                partner = partners[number]
                if partner is not None:
                    asked.append(Asked(number, condition, items[partner].media))
            else:
                asked.append(Asked(number, condition, item.media if condition == "real" else ()))
    return asked


def messages_under(item: Item, condition: Condition) -> list[dict[str, Any]]:
    """The messages of an item, as its media have places in them under this condition."""
    messages = [dict(message) for message in item.messages]
    if condition == "told":
        return told_without_media(messages, "+".join(dict.fromkeys(medium.modality for medium in item.media)))
    if condition == "none":
        return without_media(messages)
    return with_first_media_unplaced(messages, [medium.modality for medium in item.media])


def _as_question(item: Item) -> Question:
    choices = item.options or item.choices
    return Question(
        item.kind,
        "\n".join(text_of(message["content"]) for message in item.messages),
        item.meaning,
        tuple(str((medium.path, medium.start, medium.end)) for medium in item.media),
        tuple(medium.modality for medium in item.media),
        choices,
    )
