"""Every conversation as token ids, whole datasets as a few arrays.

A conversation without a response token teaches nothing and is left out; it is counted. One may be several examples,
where its chat template rewrites the history.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np

from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.model.losses import IGNORED
from macaw_cli.shards.training_rows import ConversationRow


class Tokens(Protocol):
    """The conversations of one dataset, or of several as one; see `TokenisedConversations`."""

    @property
    def numbers(self) -> np.ndarray:
        """(n,) int64."""

    @property
    def lengths(self) -> np.ndarray:
        """(n,) int64."""

    @property
    def supervised_counts(self) -> np.ndarray:
        """(n,) int64."""

    @property
    def media_counts(self) -> np.ndarray:
        """(n, modalities) int64."""

    @property
    def skipped(self) -> int:
        """Conversations without a response token."""

    def __len__(self) -> int:
        """Number of kept conversations."""

    def conversation(self, example: int) -> tuple[np.ndarray, np.ndarray]:
        """(ids, labels) of one conversation, int64."""


class Encoded(NamedTuple):
    """One example of a conversation."""

    input_ids: np.ndarray
    """(T,) int32"""
    supervised: np.ndarray
    """(T,) bool: the response tokens."""
    media: Sequence[Modality] = ()
    """The modality of each medium in it."""


@dataclass(frozen=True)
class TokenisedConversations:
    """The conversations of one split of one dataset that have something to learn."""

    numbers: np.ndarray
    """(n,) int64: position of each kept example's conversation in `TrainingDataset.conversations(split)`."""
    ends: np.ndarray
    """(n,) int64: where each one's tokens end in `input_ids`."""
    supervised_counts: np.ndarray
    """(n,) int64: tokens of each one that the loss is taken of; the first one has no predecessor and never counts."""
    media_counts: np.ndarray
    """(n, modalities) int64: media of each one, in the order of the table: the first of its conversation's."""
    input_ids: np.ndarray
    """(tokens,) int32, all conversations behind each other."""
    supervised: np.ndarray
    """(tokens,) bool: the response tokens."""
    skipped: int
    """Conversations without a response token."""

    def __len__(self) -> int:
        """Number of kept conversations."""
        return len(self.numbers)

    @property
    def lengths(self) -> np.ndarray:
        """(n,) tokens of each conversation."""
        return np.diff(self.ends, prepend=np.int64(0))

    def conversation(self, example: int) -> tuple[np.ndarray, np.ndarray]:
        """(ids, labels) of one conversation, int64; labels are -100 where nothing is supervised, as on the first token.

        The first token is never supervised: in a packed row its predecessor belongs to another conversation.
        """
        start = int(self.ends[example - 1]) if example else 0
        part = slice(start, int(self.ends[example]))
        ids = self.input_ids[part].astype(np.int64)
        labels = np.where(self.supervised[part], ids, IGNORED)
        labels[0] = IGNORED
        return ids, labels


class JoinedConversations:
    """Several datasets' conversations behind each other, numbered through; a dataset in two templates is there twice.

    Args:
        parts: of each dataset.
        first_rows: number of each part's first conversation in the split of all datasets.
    """

    def __init__(self, parts: Sequence[TokenisedConversations], first_rows: Sequence[int]) -> None:
        self._parts = parts
        self._firsts = np.cumsum([0, *map(len, parts)])
        self.numbers = np.concatenate([part.numbers + first for part, first in zip(parts, first_rows, strict=True)])
        self.lengths = np.concatenate([part.lengths for part in parts])
        self.supervised_counts = np.concatenate([part.supervised_counts for part in parts])
        self.media_counts = np.concatenate([part.media_counts for part in parts])
        self.skipped = sum(part.skipped for part in parts)

    def __len__(self) -> int:
        """Number of kept conversations."""
        return int(self._firsts[-1])

    def conversation(self, example: int) -> tuple[np.ndarray, np.ndarray]:
        """See `TokenisedConversations.conversation`."""
        part = int(np.searchsorted(self._firsts, example, side="right")) - 1
        return self._parts[part].conversation(example - int(self._firsts[part]))


def from_encoded(encoded: Sequence[Sequence[Encoded]]) -> TokenisedConversations:
    """Put the examples of encoded conversations together; those without a response token are left out."""
    kept = [
        (number, one) for number, examples in enumerate(encoded) for one in examples if one.supervised[1:].any()
    ]
    counts = [[one.media.count(name) for name in MODALITIES] for _, one in kept]
    return TokenisedConversations(
        numbers=np.array([number for number, _ in kept], dtype=np.int64),
        ends=np.cumsum([len(one.input_ids) for _, one in kept], dtype=np.int64),
        supervised_counts=np.array([one.supervised[1:].sum() for _, one in kept], dtype=np.int64),
        media_counts=np.array(counts, dtype=np.int64).reshape(len(kept), len(MODALITIES)),
        input_ids=np.concatenate([one.input_ids for _, one in kept] or [np.zeros(0, np.int32)]),
        supervised=np.concatenate([one.supervised for _, one in kept] or [np.zeros(0, bool)]),
        skipped=len(encoded) - len({number for number, _ in kept}),
    )


def example_rows(rows: Sequence[ConversationRow], tokens: Tokens) -> list[ConversationRow]:
    """The conversation of every example, with the media alone that stand in it.

    Args:
        rows: of the split, to which `tokens.numbers` point.
        tokens: the examples.
    """
    return [
        _with_first_media(rows[number], counts)
        for number, counts in zip(tokens.numbers.tolist(), tokens.media_counts.tolist(), strict=True)
    ]


def _with_first_media(row: ConversationRow, counts: Sequence[int]) -> ConversationRow:
    if len(row.media) <= sum(counts):
        return row
    left = Counter(dict(zip(MODALITIES, counts, strict=True)))
    media = []
    for ref in row.media:
        if left[ref.modality] > 0:
            left[ref.modality] -= 1
            media.append(ref)
    return replace(row, media=tuple(media))


def chained(chunks: Sequence[TokenisedConversations], rows: Sequence[int]) -> TokenisedConversations:
    """Chunks of one dataset behind each other.

    Args:
        chunks: consecutive parts of the dataset.
        rows: conversations in each, the skipped ones included.
    """
    first_rows = np.cumsum([0, *rows])
    first_tokens = np.cumsum([0, *(len(chunk.input_ids) for chunk in chunks)])
    return TokenisedConversations(
        numbers=np.concatenate([chunk.numbers + first for chunk, first in zip(chunks, first_rows, strict=False)]),
        ends=np.concatenate([chunk.ends + first for chunk, first in zip(chunks, first_tokens, strict=False)]),
        supervised_counts=np.concatenate([chunk.supervised_counts for chunk in chunks]),
        media_counts=np.concatenate([chunk.media_counts for chunk in chunks]),
        input_ids=np.concatenate([chunk.input_ids for chunk in chunks]),
        supervised=np.concatenate([chunk.supervised for chunk in chunks]),
        skipped=sum(chunk.skipped for chunk in chunks),
    )
