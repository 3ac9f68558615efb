"""The texts of a conversation in canonical form."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from macaw_cli.dataset.filters.filter import Row
from macaw_cli.modalities.table import MODALITIES


def text_of(content: Any) -> str:
    """The text of a message, its parts joined."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def questions(row: Row) -> list[str]:
    """What the user says."""
    return [text_of(message["content"]) for message in row["messages"] if message["role"] == "user"]


def answers(row: Row) -> list[str]:
    """What the assistant says."""
    return [text_of(message["content"]) for message in row["messages"] if message["role"] == "assistant"]


def turns(row: Row) -> Iterator[tuple[str, str]]:
    """Each question with its answer."""
    yield from zip(questions(row), answers(row), strict=False)


def media_of(row: Row) -> tuple[tuple[str, ...], ...]:
    """The names of the media of each modality; none at all where the conversation is text only."""
    named = (row.get(modality) or () for modality in MODALITIES)
    return tuple((names,) if isinstance(names, str) else tuple(names) for names in named)


def has_media(row: Row) -> bool:
    """Whether the conversation is about media."""
    return any(media_of(row))


def known_texts(row: Row) -> list[str]:
    """What is known of the media in words: captions, transcript, and of boxes how many of each category there are."""
    texts = [text for text in (*_listed(row.get("captions")), row.get("transcript")) if text and isinstance(text, str)]
    categories = [box.get("category") for box in _listed(row.get("boxes")) if isinstance(box, Mapping)]
    boxes = Counter(category for category in categories if isinstance(category, str))
    return [*texts, ", ".join(f"{count} {category}" for category, count in boxes.items())] if boxes else texts


def _listed(value: Any) -> list[Any]:
    """What a row holds under a key that nothing checks: one text stands for a list of it, anything else for none."""
    return value if isinstance(value, list) else [value] if isinstance(value, str) else []


def is_unanswerable(row: Row) -> bool:
    """Whether the right answer is that the media do not tell."""
    return str(row.get("kind") or "").rpartition("/")[2].startswith("unanswerable")
