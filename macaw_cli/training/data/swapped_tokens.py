"""Examples with another example's media: their tokens, made from those of the two examples that they come from.

Nothing is tokenised again and no feature is read: the runs of soft tokens get the lengths of the other media, and the
supervised run becomes the ids of the new answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from macaw_cli.model.losses import IGNORED
from macaw_cli.shards.training_rows import ConversationRow
from macaw_cli.training.data.tokenised import Tokens


@dataclass(frozen=True)
class Swap:
    """One example whose media are another's."""

    example: int
    """Whose question it asks."""
    partner: int
    """Whose media it has."""
    soft_tokens: Mapping[int, Sequence[int]]
    """Placeholder id to the number of soft tokens of each medium, in order."""
    answer: tuple[int, ...]
    """Ids of the answer, its end included."""
    length: int
    """Tokens of the whole example."""
    asked_of_both: bool
    """Whether the dataset asks the same question, word for word, about the other media too."""
    more: int = 0
    """Tokens by which it counts as longer when steps are planned, see `training.planned_soft_tokens`."""


class SwappedTokens:
    """The conversations of `base`, and behind them the swapped examples, numbered through.

    Args:
        base: the conversations.
        swaps: the swapped examples.
    """

    def __init__(self, base: Tokens, swaps: Sequence[Swap]) -> None:
        self._base, self.swaps = base, swaps
        self.numbers, self.media_counts, self.skipped = base.numbers, base.media_counts, base.skipped
        self.lengths = np.concatenate([base.lengths, [swap.length for swap in swaps]]).astype(np.int64)
        supervised = [len(swap.answer) for swap in swaps]
        self.supervised_counts = np.concatenate([base.supervised_counts, supervised]).astype(np.int64)

    def __len__(self) -> int:
        """Number of conversations, without the swapped examples."""
        return len(self._base)

    def conversation(self, example: int) -> tuple[np.ndarray, np.ndarray]:
        """See `TokenisedConversations.conversation`."""
        if example < len(self._base):
            return self._base.conversation(example)
        swap = self.swaps[example - len(self._base)]
        return swapped(*self._base.conversation(swap.example), swap.soft_tokens, swap.answer)

    def rows(self, own: Sequence[ConversationRow]) -> list[ConversationRow]:
        """The rows of the conversations, `own`, and those of the swapped examples behind them."""
        return [*own, *(replace(own[swap.example], media=own[swap.partner].media) for swap in self.swaps)]


def swapped(
    ids: np.ndarray, labels: np.ndarray, soft_tokens: Mapping[int, Sequence[int]], answer: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """(ids, labels) with other numbers of soft tokens and another answer, int64.

    Args:
        ids: (T,) of an example with one supervised run.
        labels: (T,), -100 where nothing is supervised.
        soft_tokens: placeholder id to the new length of each of its runs.
        answer: ids that take the place of the supervised run.
    """
    edits = [(begin, end, np.array(answer, np.int64), True) for begin, end in runs_of(labels != IGNORED)]
    for placeholder, counts in soft_tokens.items():
        for (begin, end), count in zip(runs_of(ids == placeholder), counts, strict=True):
            edits.append((begin, end, np.full(count, placeholder, np.int64), False))
    new_ids: list[np.ndarray] = []
    new_labels: list[np.ndarray] = []
    done = 0
    for begin, end, part, supervised in sorted(edits, key=lambda edit: edit[0]):
        new_ids += [ids[done:begin], part]
        new_labels += [labels[done:begin], part if supervised else np.full(len(part), IGNORED, np.int64)]
        done = end
    return np.concatenate([*new_ids, ids[done:]]), np.concatenate([*new_labels, labels[done:]])


def runs_of(mask: np.ndarray) -> list[tuple[int, int]]:
    """First place and end of every run of true values in (T,)."""
    borders = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return list(zip(borders[::2].tolist(), borders[1::2].tolist(), strict=True))
