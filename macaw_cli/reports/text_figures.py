"""How long the questions and answers of a dataset are: the first table of the Macaw-LLM paper, for any dataset.

Words are what white space separates, as in the paper; of languages that are written without spaces they say little.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from macaw_cli.modalities.table import MODALITIES
from macaw_cli.reports.tables import Table
from macaw_cli.shards.stored_conversations import stored_conversations
from macaw_cli.shards.training_rows import ConversationRow

TEXT_ALONE = "text"
"""Name of what conversations without media are counted under."""
NO_KIND = "(no kind)"
COLUMNS = ["conversations", "instructions", "mean instruction words", "mean response words"]


@dataclass(slots=True)
class TextCounts:
    """Conversations, and the words in them."""

    conversations: int = 0
    instructions: int = 0
    """User messages."""
    instruction_words: int = 0
    responses: int = 0
    """Assistant messages."""
    response_words: int = 0

    def add(self, instructions: Iterable[int], responses: Iterable[int]) -> None:
        """Count a conversation by the words of its messages."""
        self.conversations += 1
        for words in instructions:
            self.instructions += 1
            self.instruction_words += words
        for words in responses:
            self.responses += 1
            self.response_words += words

    def cells(self) -> list[str]:
        """A row under `COLUMNS`."""
        return [f"{self.conversations:,}", f"{self.instructions:,}", *self.means()]

    def means(self) -> tuple[str, str]:
        """Mean words of an instruction and of a response."""
        return _mean(self.instruction_words, self.instructions), _mean(self.response_words, self.responses)


@dataclass(slots=True)
class TextFigures:
    """The counts of a dataset, and how often each length occurs."""

    media: dict[str, TextCounts] = field(default_factory=dict)
    """By the modalities of the conversation's media, such as `image` or `audio+video`; `text` without any."""
    kinds: dict[str, TextCounts] = field(default_factory=dict)
    """By kind."""
    instruction_lengths: Counter[int] = field(default_factory=Counter)
    """Words to messages."""
    response_lengths: Counter[int] = field(default_factory=Counter)

    def add(self, row: ConversationRow, messages: Iterable[Mapping[str, Any]]) -> None:
        """Count a conversation."""
        words: dict[str, list[int]] = {"user": [], "assistant": []}
        for message in messages:
            if message["role"] in words:
                words[message["role"]].append(len(message_text(message).split()))
        for counts in (
            self.media.setdefault(media_of(row), TextCounts()),
            self.kinds.setdefault(row.kind or NO_KIND, TextCounts()),
        ):
            counts.add(words["user"], words["assistant"])
        self.instruction_lengths.update(words["user"])
        self.response_lengths.update(words["assistant"])

    def as_json(self) -> dict[str, Any]:
        """As it stands in `dataset.json`."""
        return {name: {key: asdict(one) for key, one in sorted(counts.items())}
                for name, counts in (("media", self.media), ("kinds", self.kinds))}  # fmt: skip


def text_figures(folder: Path) -> TextFigures:
    """Read every conversation of a dataset once.

    Raises:
        DamagedError: a file is missing, cut, or not what macaw writes.
    """
    figures = TextFigures()
    for row, conversation in stored_conversations(folder):
        figures.add(row, conversation["messages"])
    return figures


def media_of(row: ConversationRow) -> str:
    """The modalities of a conversation's media; soundtracks do not count."""
    given = {ref.modality for ref in row.media if ref.soundtrack_of is None}
    return "+".join(name for name in MODALITIES if name in given) or TEXT_ALONE


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
    """The counts that `as_json` wrote."""
    return TextCounts(**{name: content[name] for name in TextCounts.__dataclass_fields__})


def _mean(words: int, texts: int) -> str:
    return f"{words / texts:.1f}" if texts else "-"
