"""Several datasets with weights: which conversations an epoch takes. A pure function of sizes, weights, seed and epoch.

An epoch takes every conversation of a dataset as often as the whole part of its weight says. Of the rest, the
fraction, it takes the next conversations of an endless order: the dataset shuffled, then shuffled anew, and so on. So
after any number of epochs every conversation was taken equally often, give or take one, and never more than once
above the whole part in one epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np

FINEST = 10**6
"""Weights are read as fractions with at most this denominator, so that epochs add up without rounding."""


@dataclass(frozen=True)
class Ingredient:
    """One dataset of a mixture: a range of conversation numbers, and its weight."""

    first: int
    """Number of its first conversation."""
    count: int
    weight: float


def epoch_of_mixture(ingredients: Sequence[Ingredient], seed: int, epoch: int) -> np.ndarray:
    """The conversations of an epoch, (n,) int64, one number as often as it is taken; not shuffled yet.

    Args:
        ingredients: the datasets, with ranges that do not overlap.
        seed: of the stage.
        epoch: number of the epoch, from 0.
    """
    taken = [_taken(part, [seed, number], epoch) + part.first for number, part in enumerate(ingredients)]
    return np.concatenate(taken) if taken else np.zeros(0, np.int64)


def _taken(part: Ingredient, seed: list[int], epoch: int) -> np.ndarray:
    """Numbers inside the dataset, from 0."""
    weight = Fraction(part.weight).limit_denominator(FINEST)
    whole = floor(weight)
    parts = [np.arange(part.count, dtype=np.int64)] * whole
    if weight > whole:
        parts.append(_next_share(part.count, weight - whole, seed, epoch))
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _next_share(count: int, share: Fraction, seed: list[int], epoch: int) -> np.ndarray:
    """`share` of the conversations, those whose turn it is in this epoch; no number twice."""
    first, end = _begin(epoch, share, count), _begin(epoch + 1, share, count)
    if first == end:
        return np.zeros(0, np.int64)
    round_, start = divmod(first, count)
    this = _round(count, share, seed, round_)[start : start + end - first]
    rest = end - first - len(this)
    return np.concatenate([this, _round(count, share, seed, round_ + 1)[:rest]]) if rest else this


def _begin(epoch: int, share: Fraction, count: int) -> int:
    """Place in the endless order at which an epoch begins."""
    return floor(epoch * share * count)


def _round(count: int, share: Fraction, seed: list[int], number: int) -> np.ndarray:
    """Shuffle `number` of all conversations; what an epoch has just taken of the shuffle before it comes last."""
    order = np.zeros(0, np.int64)
    for each in range(number + 1):
        before, order = order, np.random.default_rng([*seed, each]).permutation(count).astype(np.int64)
        just_taken = np.zeros(count, bool)
        just_taken[before[count - _taken_before(each * count, share, count) :]] = True
        order = np.concatenate([order[~just_taken[order]], order[just_taken[order]]])
    return order


def _taken_before(place: int, share: Fraction, count: int) -> int:
    """How many conversations before `place` the epoch takes that spans it; 0 where an epoch begins there."""
    epoch = floor(place / (share * count))
    return 0 if _begin(epoch + 1, share, count) == place else place - _begin(epoch, share, count)
