"""The plan of an epoch: which conversations go into which sequence of which optimizer step.

A pure function of (lengths, seed, epoch, token budget, sequences per step). It knows nothing of processes: rank r of W
takes the sequences i with i mod W = r of every step, so all ranks have equally many steps whatever W is, and a run
continues at step k by planning again and skipping k steps.
"""

import hashlib
import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from macaw_cli.basics.errors import UsageError
from macaw_cli.training.data.step_sample import PackedExamples, ShuffledQueue, next_step
from macaw_cli.training.data.swapped_tokens import Swap


@dataclass(frozen=True)
class PlannedStep:
    """One optimizer step: G sequences of conversation numbers, some of them empty where an epoch ends."""

    sequences: tuple[PackedExamples, ...]
    tokens: int
    supervised_tokens: int
    swapped: int = 0
    """Examples with another example's media, see `training.swap_negatives`."""

    @property
    def examples(self) -> int:
        """Conversations in the step."""
        return sum(map(len, self.sequences))

    def sequences_of(self, rank: int, world_size: int) -> tuple[PackedExamples, ...]:
        """The sequences of one rank, in the order in which it trains on them."""
        return self.sequences[rank::world_size]


def plan_epoch(
    lengths: Sequence[int],
    supervised: Sequence[int],
    *,
    seed: int,
    epoch: int,
    token_budget: int,
    global_batch_size: int,
) -> list[PlannedStep]:
    """Pack every conversation exactly once.

    A step is a fair sample: it takes the next conversations of a random order, as many as fill it, and only then are
    these distributed over its G sequences. Sorting the conversations by length before they are packed would fill the
    sequences a little better, but put conversations of one length, and so of one kind, into one step.

    Args:
        lengths: tokens of each conversation, soft tokens included.
        supervised: response tokens of each conversation.
        seed: the run's seed.
        epoch: number of the epoch, from 0; each has its own order.
        token_budget: most tokens of a packed sequence; a conversation that is longer than this stands alone.
        global_batch_size: packed sequences per optimizer step over all ranks, G.
    """
    sizes = [int(length) for length in lengths]
    order = np.random.default_rng([seed, epoch]).permutation(len(sizes)).tolist()
    waiting = ShuffledQueue(order, sizes, np.random.default_rng([seed, epoch, 1]))
    steps: list[tuple[PackedExamples, ...]] = []
    capacity_tokens = global_batch_size * token_budget
    while waiting:
        steps_left = math.ceil(waiting.tokens / capacity_tokens)
        step = next_step(waiting, waiting.tokens / steps_left, token_budget, global_batch_size)
        taken = sum(sizes[example] for sequence in step for example in sequence)
        if 0 < waiting.tokens < taken / 2:  # two equal steps: a step of a few conversations would be much noisier
            waiting.put_back(*(example for sequence in step for example in sequence))
            step = next_step(waiting, waiting.tokens / 2, token_budget, global_batch_size)
        steps.append(step)
    return [_planned(step, sizes, supervised) for step in steps]


def pack_best_fit(examples: Iterable[int], sizes: Sequence[int], budget: int) -> list[PackedExamples]:
    """Best-fit decreasing: the longest first, each into the fullest sequence that still has room for it.

    Returns:
        Packed sequences of example numbers, the emptiest last.
    """
    sequences: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (free tokens, sequence), sorted
    for example in sorted(examples, key=lambda number: -sizes[number]):
        at = bisect_left(room, (sizes[example], -1))
        if at == len(room):
            sequences.append([example])
            insort(room, (max(budget - sizes[example], 0), len(sequences) - 1))
        else:
            free, sequence = room.pop(at)
            sequences[sequence].append(example)
            insort(room, (free - sizes[example], sequence))
    return [tuple(sequences[sequence]) for _, sequence in room]


def padding_share(steps: Iterable[PlannedStep], lengths: Sequence[int], world_size: int) -> float:
    """1 - real tokens / (ranks x the longest rank), summed over steps: the share of the time that is waited."""
    real = waited_for = 0
    for step in steps:
        real += step.tokens
        waited_for += capacity(step, lengths, world_size)
    return 1 - real / waited_for if waited_for else 0.0


def capacity(step: PlannedStep, lengths: Sequence[int] | np.ndarray, world_size: int) -> int:
    """Ranks x tokens of the rank with the most: what of it is not real tokens is waited for.

    Args:
        step: of the plan.
        lengths: tokens of each conversation.
        world_size: number of ranks.
    """
    loads = (
        sum(int(lengths[example]) for sequence in step.sequences_of(rank, world_size) for example in sequence)
        for rank in range(world_size)
    )
    return world_size * max(loads)


def plan_hash(steps: Iterable[PlannedStep], swaps: Iterable[Swap] = ()) -> str:
    """16 hex digits that two plans share exactly when they are the same, the swapped examples included."""
    digest = hashlib.sha256()
    for step in steps:
        digest.update(repr(step.sequences).encode())
    for swap in swaps:
        digest.update(f"{swap.example} {swap.partner} {swap.answer}".encode())
    return digest.hexdigest()[:16]


def require_divisible(global_batch_size: int, world_size: int) -> None:
    """Refuse a number of processes that cannot share the sequences of a step equally.

    Raises:
        UsageError: `world_size` does not divide `global_batch_size`.
    """
    if global_batch_size % world_size:
        nearest = global_batch_size + world_size - global_batch_size % world_size
        raise UsageError(
            f"training.global_batch_size is {global_batch_size}, which {world_size} processes cannot divide equally.",
            f"Use --set training.global_batch_size={nearest}, or a number of processes that divides "
            f"{global_batch_size}.",
        )


def _planned(sequences: tuple[PackedExamples, ...], sizes: Sequence[int], supervised: Sequence[int]) -> PlannedStep:
    examples = [example for sequence in sequences for example in sequence]
    return PlannedStep(sequences, sum(sizes[e] for e in examples), sum(int(supervised[e]) for e in examples))
