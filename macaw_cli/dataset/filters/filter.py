"""What a filter of conversations is; there are three kinds, by what they have to know.

A filter is made with its settings and a `Surroundings`, and is one of:

- `RowFilter`: judges each conversation by itself. It runs while a source is read, before `#N` takes some of the rows.
- `OrderedFilter`: compares a conversation with those before it. It runs in the order of sources and rows.
- `WholeFilter`: has to see all conversations, or many at once. It runs after all others.

A conversation is a mapping in canonical form (docs/own-data.md). What is known of its media, `captions`, `transcript`
and `boxes`, is read from the same mapping where it is there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from macaw_cli.config.generation_settings import GenerationSettings

Row = Mapping[str, Any]
"""A conversation in canonical form."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a filter may need besides its settings."""

    seed: int = 0
    """Of whatever a filter draws."""
    folder: Path = Path()
    """To which paths in its settings are relative."""
    generation: GenerationSettings | None = None
    """The API of a filter that asks an LLM."""
    asks: bool = True
    """Whether such a filter may send requests, or load a model to judge all conversations. In a plan it may not, and
    keeps everything."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a `WholeFilter` found about one conversation."""

    number: int
    """Which conversation, counted from 0 in the order in which they were seen."""
    reason: str
    """Why it is dropped."""
    tag: str = ""
    """Where this is given, the conversation stays and gets this tag."""


@runtime_checkable
class RowFilter(Protocol):
    """Judges each conversation by itself."""

    def reason(self, row: Row) -> str:
        """Why the conversation is dropped; empty when it is kept."""


@runtime_checkable
class OrderedFilter(Protocol):
    """Compares each conversation with those before it."""

    def reason_in_order(self, row: Row) -> str:
        """Why the conversation is dropped; empty when it is kept, and then it counts for those that follow."""


@runtime_checkable
class WholeFilter(Protocol):
    """Has to see all conversations before it knows about one."""

    def see(self, row: Row) -> None:
        """Take note of the next conversation."""

    def findings(self) -> Iterator[Finding]:
        """After all were seen: what is dropped or tagged, in the order of the conversations."""
