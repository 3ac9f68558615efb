"""Demonstrations: conversations of the training split that a model is shown before a question.

Random ones, or the nearest by cached features: RICES (Yang et al. 2022, arXiv 2109.05014; Alayrac et al. 2022,
section 4), with the cosine of mean-pooled features in the place of CLIP's pooled output.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from macaw_cli.basics.connected_components import Connections
from macaw_cli.basics.errors import InputError
from macaw_cli.evaluation.in_context.pooled_features import PooledFeatures
from macaw_cli.evaluation.questions.held_out import Demonstration, HeldOut, kind_of
from macaw_cli.shards.joined_datasets import DatasetReader
from macaw_cli.shards.training_rows import ConversationRow

Layout = tuple[str, ...]
"""Modality of each medium."""


@dataclass(frozen=True)
class Choice:
    """Which demonstrations are shown.

    Args:
        shots: how many for each question, at most.
        how: `random`, or `nearest`.
        pool: conversations of each kind among which they are chosen.
        seed: of the draw.
    """

    shots: int
    how: Literal["random", "nearest"] = "random"
    pool: int = 10_000
    seed: int = 0


class DemonstrationPool:
    """The training split, as far as it may be shown.

    Args:
        dataset: whose training split is shown.
        choice: how.

    Raises:
        InputError: there is no training example.
    """

    def __init__(self, dataset: DatasetReader, choice: Choice) -> None:
        rows = dataset.conversations("train", whole=True)
        if not rows:
            raise InputError(
                f"{dataset.title} has no training examples to show as demonstrations.", "Leave out --shots."
            )
        self._dataset, self._choice = dataset, choice
        self._pooled = PooledFeatures(dataset)
        self._connections = _connected([*rows, *dataset.conversations("val", whole=True)])
        self._messages: dict[str, list[dict[str, Any]]] = {}
        of_kind: dict[tuple[Layout, str], list[ConversationRow]] = defaultdict(list)
        for row in rows:
            of_kind[_layout(row), kind_of(row)].append(row)
        self._of_kind = {key: self._drawn(group, str(key)) for key, group in of_kind.items()}
        self._of_other_kinds: dict[tuple[Layout, str], list[ConversationRow]] = {}

    def choose(self, question: HeldOut) -> list[Demonstration]:
        """The demonstrations of a question, in the order in which they are shown: the most similar one last.

        They have the question's modalities, and its kind as far as there are enough; no two have the same media. There
        are fewer where the training split has no more.
        """
        chosen: list[ConversationRow] = []
        for same_kind in (True, False):
            if len(chosen) < self._choice.shots:
                chosen += self._best(question.row, chosen, same_kind=same_kind)
        return [Demonstration(one, self._messages_of(one)) for one in reversed(chosen)]

    def _best(
        self, row: ConversationRow, taken: Sequence[ConversationRow], *, same_kind: bool
    ) -> list[ConversationRow]:
        """Those that come beside `taken`, the best one first."""
        seen = {_media(one) for one in taken}
        kept: list[ConversationRow] = []
        for one in self._ordered(row, same_kind=same_kind):
            if len(kept) + len(taken) == self._choice.shots:
                break
            if (one.media and _media(one) in seen) or self._is_connected(one, row):
                continue
            seen.add(_media(one))
            kept.append(one)
        return kept

    def _ordered(self, row: ConversationRow, *, same_kind: bool) -> list[ConversationRow]:
        """Nearest first, where media can be compared, else at random, the same for each question and seed."""
        key = _layout(row), kind_of(row)
        pool = self._of_kind.get(key, []) if same_kind else self._others(key)
        places = list(range(len(pool)))
        random.Random(f"{self._choice.seed} {row.id}").shuffle(places)
        if self._choice.how == "nearest" and row.media and pool:
            alike = self._pooled.similarities(row, (*key, same_kind), pool)
            places.sort(key=lambda at: -alike[at])  # stable: equal ones stay as they were drawn
        return [pool[at] for at in places]

    def _others(self, key: tuple[Layout, str]) -> list[ConversationRow]:
        """Conversations of the same modalities and other kinds."""
        if key not in self._of_other_kinds:
            groups = [group for (at, kind), group in self._of_kind.items() if at == key[0] and kind != key[1]]
            self._of_other_kinds[key] = self._drawn([one for group in groups for one in group], f"not {key}")
        return self._of_other_kinds[key]

    def _is_connected(self, one: ConversationRow, other: ConversationRow) -> bool:
        """Whether they share a medium, directly or through other conversations."""
        if not one.media or not other.media:
            return one.id == other.id
        return self._connections.group(one.media[0].key) == self._connections.group(other.media[0].key)

    def _drawn(self, rows: list[ConversationRow], name: str) -> list[ConversationRow]:
        if len(rows) <= self._choice.pool:
            return rows
        return random.Random(f"{self._choice.seed} {name}").sample(rows, self._choice.pool)

    def _messages_of(self, row: ConversationRow) -> list[dict[str, Any]]:
        key = f"{row.dataset} {row.id}"
        if key not in self._messages:
            self._messages[key] = self._dataset.messages(row)
        return self._messages[key]


def orders(count: int, wanted: int, seed: int) -> list[tuple[int, ...]]:
    """Different orders of so many things: first as they are, then at random.

    Args:
        count: of the things.
        wanted: orders, at most as many as there are.
        seed: of the draw.
    """
    draw = random.Random(seed)
    found = [tuple(range(count))]
    while len(found) < wanted:
        order = tuple(draw.sample(range(count), count))
        if order not in found:
            found.append(order)
    return found


def _connected(rows: Iterable[ConversationRow]) -> Connections:
    connections = Connections()
    for row in rows:
        if row.media:
            connections.connect([ref.key for ref in row.media])
    return connections


def _layout(row: ConversationRow) -> Layout:
    return tuple(ref.modality for ref in row.media)


def _media(row: ConversationRow) -> tuple[str, ...]:
    return tuple(ref.key for ref in row.media)
