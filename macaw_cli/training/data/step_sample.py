"""One optimizer step of an epoch's plan: the next conversations of a random order, spread evenly over its sequences.

The conversations of a step are those that a shuffled batch of as many tokens would have. Only their distribution over
the sequences of the step follows their lengths, so that no rank waits for another one. Where that leaves the sequences
uneven, single conversations are exchanged for others of nearly the same length that wait further back in the order.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from math import gcd

import numpy as np

LOOK_AHEAD = 2048
"""Waiting conversations among which one for an exchange is looked for."""
SLACK = 0.002
"""Sequences of one step are levelled to this share of their mean length."""
WORTH_ANOTHER_TRY = 0.005
"""Share of waiting above which a step is tried with one conversation less, so that all ranks may get equally many."""
SWAPS = 4
"""Most swaps within a step, per sequence."""
EXCHANGES = 3
"""Conversations of a sequence that are tried for an exchange."""
RANKS = 8
"""For so many ranks, and any divisor of that number, the tokens of a step are levelled."""

PackedExamples = tuple[int, ...]
"""Numbers of the conversations in one packed sequence."""


class ShuffledQueue:
    """The conversations of an epoch that are in no step yet, in a random order.

    Args:
        order: numbers of the conversations, shuffled.
        sizes: tokens of each conversation.
        rng: for the choices that are made on the way.
    """

    def __init__(self, order: Sequence[int], sizes: Sequence[int], rng: np.random.Generator) -> None:
        self._order, self.sizes, self.rng = list(order), sizes, rng
        self._first = 0
        self._seen = 0
        self._by_size: list[tuple[int, int]] = []
        """(tokens, place in the order) of the next `LOOK_AHEAD` conversations, sorted."""
        self.tokens = sum(sizes)
        """Tokens of all waiting conversations."""
        self._look()

    def __len__(self) -> int:
        """Conversations that wait."""
        return len(self._order) - self._first

    def next_size(self) -> int:
        """Tokens of the next conversation."""
        return self.sizes[self._order[self._first]]

    def take(self) -> int:
        """Remove the next conversation."""
        example = self._order[self._first]
        self._forget(self._first)
        self._first += 1
        self.tokens -= self.sizes[example]
        self._look()
        return example

    def put_back(self, *examples: int) -> None:
        """Make conversations that were taken the next ones again."""
        for example in examples:
            self._first -= 1
            self._order[self._first] = example
            self.tokens += self.sizes[example]
            insort(self._by_size, (self.sizes[example], self._first))

    def exchange(self, example: int, wanted: int) -> int:
        """Give `example` back for the waiting conversation whose length is nearest to `wanted`, and take its place.

        Returns:
            The other conversation; `example` itself where it is the nearest.
        """
        at = bisect_left(self._by_size, (wanted, -1))
        around = self._by_size[max(at - 1, 0) : at + 1]
        if not around:
            return example
        size, place = min(around, key=lambda found: abs(found[0] - wanted))
        if abs(size - wanted) >= abs(self.sizes[example] - wanted):
            return example
        other = self._order[place]
        self._forget(place)
        self._order[place] = example
        insort(self._by_size, (self.sizes[example], place))
        self.tokens += self.sizes[example] - size
        return other

    def _forget(self, place: int) -> None:
        self._by_size.pop(bisect_left(self._by_size, (self.sizes[self._order[place]], place)))

    def _look(self) -> None:
        while self._seen < len(self._order) and self._seen < self._first + LOOK_AHEAD:
            insort(self._by_size, (self.sizes[self._order[self._seen]], self._seen))
            self._seen += 1


def next_step(waiting: ShuffledQueue, wanted: float, budget: int, sequences: int) -> tuple[PackedExamples, ...]:
    """Take the conversations of one step from the queue, at least one.

    Args:
        waiting: what is left of the epoch.
        wanted: tokens that the step should have.
        budget: most tokens of a sequence; a longer conversation has one to itself.
        sequences: number of sequences, G; some are empty where there are fewer conversations.
    """
    taken = [waiting.take()]
    tokens = waiting.sizes[taken[0]]
    while waiting and tokens + waiting.next_size() / 2 <= wanted:
        taken.append(waiting.take())
        tokens += waiting.sizes[taken[-1]]
    fewer = 0
    while True:
        spread = _spread(taken, waiting, sequences)
        uneven = waiting and fewer < RANKS and _avoidable_waiting(spread, waiting.sizes) > WORTH_ANOTHER_TRY
        if _fits(spread, waiting.sizes, budget) and not uneven:
            return spread
        # exchanges have changed `taken`; whatever is in it now, it must become one conversation less
        waiting.put_back(taken.pop(int(waiting.rng.integers(len(taken)))))
        fewer += 1


def _spread(taken: list[int], waiting: ShuffledQueue, sequences: int) -> tuple[PackedExamples, ...]:
    """Spread the conversations over sequences, first over ranks.

    Rank r of up to `RANKS` ranks has the sequences r, r + ranks, ..., so what must be level is their sum.

    Args:
        taken: conversations of the step, changed in place where some are exchanged.
        waiting: what they are exchanged for.
        sequences: number of sequences.
    """
    ranks = gcd(sequences, RANKS)
    of_ranks = longest_first(taken, waiting.sizes, ranks)
    swap_within(of_ranks, waiting.sizes)
    exchange_with_waiting(of_ranks, waiting)
    taken[:] = [example for one in of_ranks for example in one]
    columns = [longest_first(one, waiting.sizes, sequences // ranks) for one in of_ranks]
    for column in columns:
        swap_within(column, waiting.sizes)
    return tuple(tuple(one) for row in zip(*columns, strict=True) for one in row)


def _fits(spread: Sequence[PackedExamples], sizes: Sequence[int], budget: int) -> bool:
    """Whether no sequence exceeds the budget, but for single conversations that do."""
    return all(len(one) < 2 or _load(one, sizes) <= budget for one in spread)


def _avoidable_waiting(spread: Sequence[PackedExamples], sizes: Sequence[int]) -> float:
    """Share of the step's time that ranks wait for the one with the most tokens; 0 where that has one conversation."""
    ranks = gcd(len(spread), RANKS)
    of_ranks = [[example for one in spread[rank::ranks] for example in one] for rank in range(ranks)]
    loads = [_load(one, sizes) for one in of_ranks]
    longest = max(range(ranks), key=loads.__getitem__)
    return 0.0 if len(of_ranks[longest]) < 2 else 1 - sum(loads) / (ranks * loads[longest])


def longest_first(examples: Sequence[int], sizes: Sequence[int], sequences: int) -> list[list[int]]:
    """Spread conversations over sequences: the longest first, each into the sequence with the fewest tokens.

    This is the LPT rule of multiprocessor scheduling (Graham, 1969).
    """
    spread: list[list[int]] = [[] for _ in range(sequences)]
    loads = [(0, number) for number in range(sequences)]
    for example in sorted(examples, key=lambda number: -sizes[number]):
        load, number = loads.pop(0)
        spread[number].append(example)
        insort(loads, (load + sizes[example], number))
    return spread


def swap_within(spread: list[list[int]], sizes: Sequence[int]) -> None:
    """Level the sequences by swapping pairs of conversations between the longest and the shortest one.

    Args:
        spread: the sequences, changed in place.
        sizes: tokens of each conversation.
    """
    loads = [_load(one, sizes) for one in spread]
    for _ in range(SWAPS * len(spread)):
        low, high = loads.index(min(loads)), loads.index(max(loads))
        excess = (loads[high] - loads[low]) / 2  # moving this much makes the two equal
        if excess <= SLACK * loads[high]:
            return
        pairs = (
            (abs(sizes[x] - sizes[y] - excess), i, j)
            for i, x in enumerate(spread[high])
            for j, y in enumerate(spread[low])
        )
        rest, i, j = min(pairs, default=(excess, 0, 0))
        if rest >= excess:
            return
        moved = sizes[spread[high][i]] - sizes[spread[low][j]]
        spread[high][i], spread[low][j] = spread[low][j], spread[high][i]
        loads[high], loads[low] = loads[high] - moved, loads[low] + moved


def exchange_with_waiting(spread: list[list[int]], waiting: ShuffledQueue) -> None:
    """Level what swapping could not, by exchanging a few conversations for others that wait.

    Args:
        spread: the sequences, changed in place.
        waiting: where the exchanged conversations come from and go to.
    """
    sizes = waiting.sizes
    shared = [one for one in spread if len(one) > 1]
    if len(spread) < 2 or not shared:
        return
    goal = round(sum(_load(one, sizes) for one in shared) / len(shared))
    for one in shared:
        for place in waiting.rng.permutation(len(one))[:EXCHANGES].tolist():
            missing = goal - _load(one, sizes)
            if abs(missing) <= SLACK * goal:
                break
            one[place] = waiting.exchange(one[place], sizes[one[place]] + missing)


def _load(examples: Sequence[int], sizes: Sequence[int]) -> int:
    return sum(sizes[example] for example in examples)
