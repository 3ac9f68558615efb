"""Media that are told as text: what experts say of them, and how a model reads it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from macaw_cli.modalities.table import Modality

CUT = "..."
"""Stands behind a text that is cut."""
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class ToldMedium:
    """One medium as text."""

    modality: Modality
    key: str
    """Content key of the file."""
    text: str
    """What the experts say of it, as it stands in the conversation."""
    soundtrack: bool = False
    """Whether it is the audio of a video."""


@dataclass(frozen=True, slots=True)
class TextUse:
    """How a model reads the texts; plain values, as its configuration holds them."""

    names: tuple[str, ...] = ()
    """Of the experts, in the order of their texts."""
    replaced: frozenset[Modality] = frozenset()
    """The modalities whose media are told and not fed."""
    max_words: int = 200
    """Most words of one text."""
    system: str = ""
    """System text of a conversation with told media."""

    def text(self, texts: Sequence[str]) -> str:
        """What is said of one medium: the texts of its experts, each cut, on lines of their own."""
        return "\n".join(cut_words(text, self.max_words) for text in texts)


def cut_words(text: str, most: int) -> str:
    """The first `most` words of a text; where there are more, `...` stands behind them."""
    ends = [match.end() for match in _WORD.finditer(text)]
    return text if len(ends) <= most else f"{text[: ends[most - 1]]} {CUT}"
