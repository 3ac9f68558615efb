"""Whether groups of media are answered equally well: the same questions, asked about each group."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from macaw_cli.evaluation.intervals import BOOTSTRAP_SAMPLES, difference_interval, newcombe_interval, wilson_interval


@dataclass(frozen=True)
class Grouped:
    """One answer.

    Args:
        group: to which the medium belongs.
        pair: what stays the same between groups, such as the question.
        value: of the answer, such as 1 for right and 0 for wrong.
    """

    group: str
    pair: str
    value: float


def group_figures(answers: Sequence[Grouped]) -> dict[str, Any]:
    """Mean per group, and the paired difference of every two groups over what both were asked.

    A difference is the mean over the shared questions of the difference of the groups' means on that question. Its
    interval is a percentile bootstrap in two stages: questions are resampled, and the answers of each group to a
    question. So it is that of two samples where one question is asked about many media. Where each group answers each
    question once it is `difference_interval`, and where no answers differ `newcombe_interval`.

    Source: Davison and Hinkley 1997, "Bootstrap Methods and Their Application", section 3.8, for two stages; Wilson
    1927 for the interval of a group.

    Args:
        answers: of values 0 to 1.

    Returns:
        `groups`: name to `n`, `mean`, `ci95`; `differences`: `a`, `b`, `n`, `difference` (a minus b), `ci95`;
        `largest_gap`: between the best and the worst mean.
    """
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in answers:
        values[one.group][one.pair].append(one.value)
    groups = {name: _group([value for found in pairs.values() for value in found]) for name, pairs in values.items()}
    differences = [_difference(a, values[a], b, values[b]) for a, b in combinations(values, 2)]
    means = [group["mean"] for group in groups.values()]
    return {
        "groups": groups, "differences": [one for one in differences if one["n"]],
        "largest_gap": round(max(means) - min(means), 4) if means else None,
    }  # fmt: skip


def _group(values: Sequence[float]) -> dict[str, Any]:
    mean = sum(values) / len(values)
    return {"n": len(values), "mean": round(mean, 4), "ci95": wilson_interval(mean, len(values))}


def _difference(a: str, of_a: dict[str, list[float]], b: str, of_b: dict[str, list[float]]) -> dict[str, Any]:
    shared = [pair for pair in of_a if pair in of_b]
    found = np.array([np.mean(of_a[pair]) - np.mean(of_b[pair]) for pair in shared])
    if not shared:
        return {"a": a, "b": b, "n": 0}
    once = all(len(of_a[pair]) == len(of_b[pair]) == 1 for pair in shared)
    interval = difference_interval(found) if once else _in_two_stages([(of_a[pair], of_b[pair]) for pair in shared])
    return {"a": a, "b": b, "n": len(shared), "difference": round(float(found.mean()), 4), "ci95": interval}


def _in_two_stages(pairs: Sequence[tuple[list[float], list[float]]]) -> list[float]:
    """95 % interval of the mean difference; questions that few answer have the say of others.

    Questions with the same answers are drawn together, one kind after the other (binomial of what is left of a sample):
    only sums are kept, however many questions there are. A question that a sample has twice is answered anew each time.
    """
    draw = np.random.default_rng(0)
    sums = np.zeros(BOOTSTRAP_SAMPLES)
    left, questions = np.full(BOOTSTRAP_SAMPLES, len(pairs)), len(pairs)
    for (a, b), count in Counter((tuple(sorted(a)), tuple(sorted(b))) for a, b in pairs).items():
        times = draw.binomial(left, count / questions)
        left, questions = left - times, questions - count
        sums += _resampled(draw, a, times) - _resampled(draw, b, times)
    low, high = np.quantile(sums / len(pairs), [0.025, 0.975])
    if low == high:  # all answers are alike, and a bootstrap of them has no width
        return newcombe_interval(*(np.concatenate(of_one) for of_one in zip(*pairs, strict=True)))
    return [round(float(low), 4), round(float(high), 4)]


def _resampled(draw: np.random.Generator, values: Sequence[float], times: np.ndarray) -> np.ndarray:
    """Sums of so many means of resamples of one group's answers to one question: (BOOTSTRAP_SAMPLES,)."""
    different, counts = np.unique(values, return_counts=True)
    sums: np.ndarray
    if len(different) == 1:
        sums = different[0] * times
    else:
        sums = draw.multinomial(len(values) * times, counts / len(values)) @ different / len(values)
    return sums
