"""Media with what is known of them, from which conversations are made: captions, a transcript, boxes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.shown_text import shown
from macaw_cli.dataset.conversations import Origin, checked_media_row
from macaw_cli.dataset.rejects import Reject
from macaw_cli.dataset.source_specs import Source
from macaw_cli.dataset.sources import read_source
from macaw_cli.modalities.table import Modality
from macaw_cli.shards.training_rows import Split

ITEM_KEYS = ("captions", "transcript", "boxes")


@dataclass(frozen=True, slots=True)
class Box:
    """One thing in an image."""

    category: str
    bbox: tuple[float, float, float, float]
    """x0, y0, x1, y1 as shares of width and height."""


@dataclass(frozen=True, slots=True)
class Item:
    """One medium, or several that belong together; media are still names."""

    id: str
    origin: Origin
    media: dict[Modality, tuple[str, ...]]
    captions: tuple[str, ...] = ()
    transcript: str | None = None
    boxes: tuple[Box, ...] = ()
    split: Split | None = None
    """The side that the row itself asks for."""


def iterate_items(source: Source, seed: int = 0) -> Iterator[Item | Reject]:
    """The items of a source in the order of the file, and what is wrong with the rows that are none.

    Args:
        source: `#N` takes N usable items by seed; without, nothing is held in memory.
        seed: decides which.

    Raises:
        InputError: the file cannot be read as its format at all.
    """
    yield from read_source(source, seed, checked_item)


def checked_item(row: Any, origin: Origin) -> Item:
    """Check one canonical row without `messages`.

    Args:
        row: the parsed JSON.
        origin: where it stood; names the item when it has no id.

    Raises:
        InputError: the row is no item; the problem says why, without file and row number.
    """
    checked = checked_media_row(row, origin)
    if "messages" in row:
        raise InputError("the row is a conversation, where media with captions are needed")
    item = Item(
        id=checked.id,
        origin=origin,
        media=checked.media,
        captions=_checked_captions(row.get("captions")),
        transcript=_checked_transcript(row.get("transcript")),
        boxes=tuple(map(_checked_box, _checked_list(row.get("boxes"), "boxes"))),
        split=checked.split,
    )
    if not any(item.media.values()):
        raise InputError("the row names no media")
    return item


def _checked_captions(value: Any) -> tuple[str, ...]:
    captions = _checked_list([value] if isinstance(value, str) else value, "captions")
    if not all(isinstance(caption, str) and caption.strip() for caption in captions):
        raise InputError(f"`captions` must be a list of texts that are not empty, found {shown(value, 80)}")
    return tuple(captions)


def _checked_transcript(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InputError(f"`transcript` must be text, found {shown(value, 80)}")
    return value if value and value.strip() else None


def _checked_list(value: Any, name: str) -> list[Any]:
    if value is not None and not isinstance(value, list):
        raise InputError(f"`{name}` must be a list, found {shown(value, 80)}")
    return value or []


def _checked_box(value: Any) -> Box:
    category, numbers = (value.get("category"), value.get("bbox")) if isinstance(value, Mapping) else (None, None)
    if not isinstance(category, str) or not category.strip() or not isinstance(numbers, list) or not _is_box(numbers):
        raise InputError(
            "a box needs a `category` and `bbox`: [x0, y0, x1, y1] between 0 and 1, found " + shown(value, 80)
        )
    x0, y0, x1, y1 = numbers
    return Box(category, (float(x0), float(y0), float(x1), float(y1)))


def _is_box(numbers: list[Any]) -> bool:
    shares = all(isinstance(one, int | float) and not isinstance(one, bool) and 0 <= one <= 1 for one in numbers)
    return len(numbers) == 4 and shares and numbers[0] <= numbers[2] and numbers[1] <= numbers[3]
