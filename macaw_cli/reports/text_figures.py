"""How long the questions and answers of a dataset are: the first table of the Macaw-LLM paper, for any dataset.

Words are what white space separates, as in the paper; of languages that are written without spaces they say little.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from macaw_cli.modalities.table import MODALITIES
from macaw_cli.reports.tables import Table

TEXT_ALONE = "text"
"""Name of what conversations without media are counted under."""
NO_KIND = "(no kind)"
COLUMNS = ["conversations", "instructions", "mean instruction words", "mean response words"]


@dataclass(slots=True)
class TextCounts:
    """Conversations, and the words in them."""

    conversations: int = 0
    turns: int = 0
    """An instruction with its response each."""
    instruction_words: int = 0
    response_words: int = 0

    def cells(self) -> list[str]:
        """A row under `COLUMNS`."""
        return [f"{self.conversations:,}", f"{self.turns:,}", *self.means()]

    def means(self) -> tuple[str, str]:
        """Mean words of an instruction and of a response."""
        return _mean(self.instruction_words, self.turns), _mean(self.response_words, self.turns)


@dataclass(frozen=True, slots=True)
class MessageWords:
    """Words of the messages of one conversation."""

    instructions: list[int]
    responses: list[int]


def message_words(messages: Iterable[Mapping[str, Any]]) -> MessageWords:
    """Words of each message of the user and of the assistant."""
    words: dict[str, list[int]] = {"user": [], "assistant": []}
    for message in messages:
        if message["role"] in words:
            words[message["role"]].append(len(message_text(message).split()))
    return MessageWords(words["user"], words["assistant"])


@dataclass(slots=True)
class TextLengths:
    """How many messages have how many words."""

    instructions: Counter[int] = field(default_factory=Counter)
    responses: Counter[int] = field(default_factory=Counter)

    def add(self, messages: Iterable[Mapping[str, Any]]) -> None:
        """Count a conversation."""
        words = message_words(messages)
        self.instructions.update(words.instructions)
        self.responses.update(words.responses)


def media_name(modalities: Collection[str]) -> str:
    """What conversations about media of these modalities are counted under, such as `image+audio`."""
    return "+".join(name for name in MODALITIES if name in modalities) or TEXT_ALONE


def message_text(message: Mapping[str, Any]) -> str:
    """The text of a message, its parts joined."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content if part["type"] == "text")


def text_table(counts: Mapping[str, Mapping[str, int]], title: str) -> Table:
    """One part of `texts` of a `dataset.json`, for people."""
    return Table(title, ["", *COLUMNS], [[name, *read_counts(one).cells()] for name, one in counts.items()])


def read_counts(content: Mapping[str, int]) -> TextCounts:
    """The counts as they stand in a `dataset.json`."""
    return TextCounts(**{name: content[name] for name in TextCounts.__dataclass_fields__})


def _mean(words: int, texts: int) -> str:
    return f"{words / texts:.1f}" if texts else "-"
