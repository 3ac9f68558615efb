"""Marks in texts that a chat template renders: where media stand, and which control tokens are only spelled in data.

A template sees a conversation's own words, as it may look at them or trim them. So only what could be taken for a
control token is marked, by private-use characters that no text of the conversation holds.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.model.text.control_tokens import Span, TextEncoder

PRIVATE_USE = range(0xE000, 0xF8FF)
HELD = re.compile("[\ue000-\uf8ff]")
"""The private-use characters, which texts may hold and marks are made of."""
Style = Literal["inside", "before", "after"]
STYLES: tuple[Style, ...] = ("inside", "before", "after")
"""How a spelled control token can be marked, the safest first; a template that looks for it needs it whole."""


class Spelled(NamedTuple):
    """A control token that a message spells, as `Marks.marked` is told of it."""

    message: int
    start: int
    end: int
    style: Style


@dataclass(frozen=True)
class Rendered:
    """What a template made of a conversation."""

    text: str
    """With a mark for every medium."""
    controls: tuple[Span, ...]
    """The control tokens that the template wrote; all others in the text are text."""

    def part(self, start: int, end: int | None = None) -> "Rendered":
        """A piece of it."""
        end = len(self.text) if end is None else end
        inside = tuple((left - start, right - start) for left, right in self.controls if start <= left and right <= end)
        return Rendered(self.text[start:end], inside)

    def __add__(self, other: "Rendered") -> "Rendered":
        """The two renderings, one behind the other."""
        length = len(self.text)
        moved = tuple((left + length, right + length) for left, right in other.controls)
        return Rendered(self.text + other.text, self.controls + moved)


@dataclass(frozen=True)
class Marks:
    """The private-use characters of one conversation."""

    characters: str

    @cached_property
    def of(self) -> dict[Modality, str]:
        """Modality to the character that stands for one medium."""
        return dict(zip(MODALITIES, self.characters, strict=False))

    @cached_property
    def modality_of(self) -> dict[str, Modality]:
        """The other way round."""
        return {mark: name for name, mark in self.of.items()}

    @property
    def breaking(self) -> str:
        """Stands inside what is spelled, so that it is no control token."""
        return self.characters[-3]

    @property
    def opening(self) -> str:
        """Stands before one that is spelled."""
        return self.characters[-2]

    @property
    def closing(self) -> str:
        """Stands behind one that is spelled."""
        return self.characters[-1]

    def marked(self, text: str, spelled: Iterable[Spelled], encoder: TextEncoder) -> str:
        """A message's text with marks; also at its ends, where the template's words could complete a control token."""
        pieces, done = [], 0
        for _, start, end, style in spelled:
            pieces.append(text[done:start])
            token = text[start:end]
            if style == "inside":
                pieces += [token[:1], self.breaking, token[1:]]
            else:
                pieces += [self.opening, token] if style == "before" else [token, self.closing]
            done = end
        pieces.append(text[done:])
        return self._bordered("".join(pieces), encoder)

    def _bordered(self, text: str, encoder: TextEncoder) -> str:
        words = text.strip()
        at = text.index(words)
        before, after = text[:at], text[at + len(words) :]
        opens, closes = encoder.could_complete(words)
        return before + self.breaking * opens + words + self.breaking * closes + after

    def read(self, rendered: str, encoder: TextEncoder) -> Rendered:
        """Take the marks of spelled control tokens out of what was rendered; those of media stay."""
        text: list[str] = []
        length, done = 0, 0
        controls: list[Span] = []
        for match in _reader(self.characters[-3:], encoder.pattern.pattern).finditer(rendered):
            kept = [rendered[done : match.start()], match["token"] or ""]
            length += len(kept[0])
            if match["token"] and not match["opening"] and not match["closing"]:
                controls.append((length, length + len(kept[1])))
            length += len(kept[1])
            text += kept
            done = match.end()
        return Rendered("".join([*text, rendered[done:]]), tuple(controls))

    def media_in(self, text: str) -> list[Modality]:
        """The media that are marked in `text`, in order."""
        return [modality for _, modality in self.places_in(text)]

    def places_in(self, text: str) -> list[tuple[int, Modality]]:
        """Where each medium is marked in `text`, in order."""
        found = ((match.start(), self.modality_of.get(match[0])) for match in HELD.finditer(text))
        return [(place, modality) for place, modality in found if modality]


def marks_for(texts: Iterable[str]) -> Marks:
    """Marks that none of the texts holds."""
    held = {found for text in texts for found in HELD.findall(text)}
    free = (chr(code) for code in PRIVATE_USE if chr(code) not in held)
    return Marks("".join(character for character, _ in zip(free, range(len(MODALITIES) + 3), strict=False)))


def spelled_in(contents: Sequence[str], encoder: TextEncoder) -> list[Spelled]:
    """Every control token that is spelled in the messages."""
    return [
        Spelled(number, start, end, "inside" if end - start > 1 else "before")
        for number, content in enumerate(contents)
        for start, end in encoder.spelled(content)
    ]


def alternatives(spelled: Spelled) -> Iterator[Spelled]:
    """The conversation marked in every way."""
    for style in STYLES:
        if style != "inside" or spelled.end - spelled.start > 1:
            yield spelled._replace(style=style)


@lru_cache(maxsize=16)
def _reader(characters: str, pattern: str) -> re.Pattern[str]:
    opening, closing = characters[1], characters[2]
    return re.compile(f"(?P<opening>{opening})?(?P<token>{pattern})(?P<closing>{closing})?|[{characters}]")
