"""The plan of an epoch: which conversations go into which pack of which optimizer step.

A pure function of (lengths, seed, epoch, token budget, packs per step). It knows nothing of processes: rank r of W
takes the packs i with i mod W = r of every step, so all ranks have equally many steps whatever W is, and a run
continues at step k by planning again and skipping k steps.
"""

import hashlib
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from macaw_cli.basics.errors import UsageError

WINDOW_STEPS = 16
"""Packing sees this many steps' worth of shuffled conversations at once: enough to fill packs to the brim, and
little enough that the order of training stays random."""
SLACK = 0.005
"""Packs of one step are filled alike to about this share of the budget."""

Pack = tuple[int, ...]


@dataclass(frozen=True)
class PlannedStep:
    """One optimizer step: G packs of conversation numbers, some of them empty where an epoch ends."""

    packs: tuple[Pack, ...]
    tokens: int
    supervised_tokens: int

    @property
    def examples(self) -> int:
        """Conversations in the step."""
        return sum(map(len, self.packs))

    def packs_of(self, rank: int, world_size: int) -> tuple[Pack, ...]:
        """The packs of one rank, in the order in which it trains on them."""
        return self.packs[rank::world_size]


def plan_epoch(
    lengths: Sequence[int],
    supervised: Sequence[int],
    *,
    seed: int,
    epoch: int,
    token_budget: int,
    packs_per_step: int,
) -> list[PlannedStep]:
    """Pack every conversation exactly once.

    Args:
        lengths: tokens of each conversation, soft tokens included.
        supervised: response tokens of each conversation.
        seed: the run's seed.
        epoch: number of the epoch, from 0; each has its own order.
        token_budget: most tokens of a pack; a conversation that is longer than this stands alone.
        packs_per_step: packs per optimizer step over all ranks, G.
    """
    sizes = [int(length) for length in lengths]
    order = np.random.default_rng([seed, epoch]).permutation(len(sizes)).tolist()
    # a generator of its own for the order of the packs, so that it does not depend on how many numbers numpy drew
    shuffle_packs = np.random.default_rng([seed, epoch, 1])
    steps: list[tuple[Pack, ...]] = []
    waiting: list[Pack] = []
    for window in _windows(order, sizes, WINDOW_STEPS * packs_per_step * token_budget):
        filled = pack_best_fit([*_examples(waiting), *window], sizes, token_budget)
        # the emptiest packs of a window, at least one, are opened again and packed with the next one
        whole = (len(filled) - 1) // packs_per_step * packs_per_step
        shuffled = [filled[number] for number in shuffle_packs.permutation(whole)]
        grouped = _alike(shuffled, sizes, packs_per_step, SLACK * token_budget)
        steps += [grouped[number] for number in shuffle_packs.permutation(len(grouped))]
        waiting = filled[whole:]
    steps = _level_the_end(steps, waiting, sizes, token_budget, packs_per_step)
    return [_planned(step, sizes, supervised) for step in steps]


def pack_best_fit(examples: Iterable[int], sizes: Sequence[int], budget: int) -> list[Pack]:
    """Best-fit decreasing: the longest first, each into the fullest pack that still has room for it.

    Returns:
        Packs of example numbers, the emptiest last.
    """
    packs: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (free tokens, pack), sorted
    for example in sorted(examples, key=lambda number: -sizes[number]):
        at = bisect_left(room, (sizes[example], -1))
        if at == len(room):
            packs.append([example])
            insort(room, (max(budget - sizes[example], 0), len(packs) - 1))
        else:
            free, pack = room.pop(at)
            packs[pack].append(example)
            insort(room, (free - sizes[example], pack))
    return [tuple(packs[pack]) for _, pack in room]


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
        sum(int(lengths[example]) for pack in step.packs_of(rank, world_size) for example in pack)
        for rank in range(world_size)
    )
    return world_size * max(loads)


def plan_hash(steps: Iterable[PlannedStep]) -> str:
    """16 hex digits that two plans share exactly when they are the same."""
    digest = hashlib.sha256()
    for step in steps:
        digest.update(repr(step.packs).encode())
    return digest.hexdigest()[:16]


def require_divisible(packs_per_step: int, world_size: int) -> None:
    """Refuse a number of processes that cannot share the packs of a step equally.

    Raises:
        UsageError: `world_size` does not divide `packs_per_step`.
    """
    if packs_per_step % world_size:
        nearest = packs_per_step + world_size - packs_per_step % world_size
        raise UsageError(
            f"training.packs_per_step is {packs_per_step}, which {world_size} processes cannot share equally.",
            f"Add --set training.packs_per_step={nearest}, or use a number of processes that divides {packs_per_step}.",
        )


def _windows(order: list[int], sizes: Sequence[int], window_tokens: int) -> Iterable[list[int]]:
    window: list[int] = []
    tokens = 0
    for example in order:
        window.append(example)
        tokens += sizes[example]
        if tokens >= window_tokens:
            yield window
            window, tokens = [], 0
    if window:
        yield window


def _alike(packs: list[Pack], sizes: Sequence[int], per_step: int, slack: float) -> list[tuple[Pack, ...]]:
    """Steps of packs that are about equally full, as the ranks of a step wait for its fullest pack.

    Packs that differ by less than `slack` tokens stay in their random order: by room alone, packs of like conversations
    would come together, and a step should be a fair sample of all.
    """
    alike = sorted(packs, key=lambda pack: int(sum(sizes[example] for example in pack) / slack))
    return [tuple(alike[start : start + per_step]) for start in range(0, len(alike), per_step)]


def _level_the_end(
    steps: list[tuple[Pack, ...]], rest: list[Pack], sizes: Sequence[int], budget: int, per_step: int
) -> list[tuple[Pack, ...]]:
    """Make a step of the packs that are left; where it would be half empty, it shares evenly with the one before.

    A step of a few conversations would move the weights as far as a full one, on much noisier evidence.
    """
    if not rest:
        return steps
    if 2 * sum(sizes[example] for example in _examples(rest)) < budget * per_step and steps:
        shared = _spread([*steps[-1], *rest], sizes, budget, 2 * per_step)
        if shared:
            return [*steps[:-1], shared[::2], shared[1::2]]
    last = _spread(rest, sizes, budget, per_step) or (*rest, *((),) * (per_step - len(rest)))
    return [*steps, last]


def _spread(packs: Sequence[Pack], sizes: Sequence[int], budget: int, wanted: int) -> tuple[Pack, ...] | None:
    """The same conversations in `wanted` packs of nearly equal size; None where that would break the budget."""
    spread: list[list[int]] = [[] for _ in range(wanted)]
    loads = [(0, number) for number in range(wanted)]
    for example in sorted(_examples(packs), key=lambda number: -sizes[number]):
        load, number = loads.pop(0)
        if load and load + sizes[example] > budget:
            return None
        spread[number].append(example)
        insort(loads, (load + sizes[example], number))
    return tuple(map(tuple, spread))


def _planned(packs: tuple[Pack, ...], sizes: Sequence[int], supervised: Sequence[int]) -> PlannedStep:
    examples = _examples(packs)
    return PlannedStep(packs, sum(sizes[e] for e in examples), sum(int(supervised[e]) for e in examples))


def _examples(packs: Iterable[Pack]) -> list[int]:
    return [example for pack in packs for example in pack]
