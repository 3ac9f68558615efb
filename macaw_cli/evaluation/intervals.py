"""95 % confidence intervals of means and shares; questions about the same media count as dependent.

Where a model sees an image well it is right about most of its questions, so that ten questions about one image tell
less than ten about ten. Intervals take the media of each question and widen by the root of their `design_effect`.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Hashable, Sequence

import numpy as np

BOOTSTRAP_SAMPLES = 2000
EQUAL = 1e-18
"""Variance below which values are equal but for rounding."""
Z_95 = 1.959964
"""Two-sided 95 % quantile of the normal distribution."""


Media = Sequence[Collection[str]]
"""The media of each question; one without media is independent of all others."""


def design_effect(values: np.ndarray, media: Media | None) -> float:
    """How many times as large the variance of the mean is as that of as many independent values; from 1 to n.

    The estimate is the sum of the products of the residuals over all pairs of questions that share a medium, divided by
    the sum of the squares: for one medium each the cluster-robust variance (Liang and Zeger 1986; for evaluations
    Miller 2024, arXiv 2411.00640, section 2.2, with the factor C / (C - 1) for C clusters), for several that of Aronow,
    Samii and Assenova (2015, "Cluster-robust variance estimation for dyadic data").

    It is unreliable where few media are asked about, or few questions deviate, and then mostly too small. So it is
    moved towards full dependence, by 1/m of the way. Its effect is the mean number of questions that share the media of
    a question (Kish 1965, "Survey Sampling"), of which one counts in part that shares some: as many media as both have,
    divided by those that either has. m is the effective number of media among which the squared residuals are spread,
    the inverse of the sum of their squared shares: C where all have the same spread, and 1 where a single question
    deviates. Where none does, full dependence is assumed.

    Args:
        values: (n,) float, one value per question, n at least 1.
        media: of each question; None takes all as independent.
    """
    if media is None:
        return 1.0
    n, residuals = len(values), values - values.mean()
    sets = [frozenset[Hashable](own or (number,)) for number, own in enumerate(media)]
    full = _over_sharing_pairs(sets, np.ones(n), in_part=True) / n
    squares, clusters = float((residuals**2).sum()), len(set(sets))
    if clusters == 1 or squares <= n * EQUAL:
        return full
    estimate = _over_sharing_pairs(sets, residuals) / squares * clusters / (clusters - 1) * (n - 1) / n
    spread_among = squares**2 / _over_sharing_pairs(sets, residuals**2)
    return float(min(max(estimate + max(full - estimate, 0.0) / spread_among, 1.0), n))


def _over_sharing_pairs(
    sets: Sequence[frozenset[Hashable]], values: np.ndarray, *, in_part: bool = False
) -> float:
    """Sum of the products of the values over all ordered pairs of questions that share a medium, or are the same.

    Args:
        sets: media of each question.
        values: (n,) float.
        in_part: multiply each product by the part of their media that both questions have.
    """
    sums: dict[frozenset[Hashable], float] = defaultdict(float)
    for together, value in zip(sets, values.tolist(), strict=True):
        sums[together] += value
    about: dict[Hashable, list[frozenset[Hashable]]] = defaultdict(list)
    for together in sums:
        for medium in together:
            about[medium].append(together)
    return sum(
        total * sums[other] * (len(together & other) / len(together | other) if in_part else 1.0)
        for together, total in sums.items()
        for other in {other for medium in together for other in about[medium]}
    )


def bootstrap_interval(values: np.ndarray, seed: int = 0) -> list[float]:
    """95 % percentile bootstrap interval of the mean (Efron and Tibshirani 1993, section 13.3).

    Values are resampled by how often each of them occurs, which is the same and takes no time where few differ.

    Args:
        values: (n,) float, one value per question, such as a paired difference of right (1) and wrong (0).
        seed: fixes the resampling.

    Returns:
        Lower and upper bound.
    """
    draw = np.random.default_rng(seed)
    different, counts = np.unique(values, return_counts=True)
    resampled = draw.multinomial(len(values), counts / len(values), size=BOOTSTRAP_SAMPLES)
    low, high = np.quantile(resampled @ different / len(values), [0.025, 0.975])
    return [round(float(low), 4), round(float(high), 4)]


def difference_interval(values: np.ndarray, media: Media | None = None) -> list[float]:
    """95 % interval of the mean of paired differences; it has a width also where all of them are equal.

    Differences of right (1) and wrong (0) have the adjusted Wald interval of Bonett and Price (2012, "Adjusted Wald
    confidence interval for a difference of binomial proportions based on paired data", equation 4): that of the
    differences and of one more in each direction. Others have a bootstrap, unless they are all equal: a bootstrap of
    these has no width, so that they have the adjusted interval as well. The first is that of n / `design_effect`
    differences, the second is widened by the root of it.

    Args:
        values: (n,) float, one difference per question, n at least 1.
        media: of each question; None takes all as independent.

    Returns:
        Lower and upper bound, which the differences allow.
    """
    effect, bound = design_effect(values, media), max(1.0, float(np.abs(values).max()))
    if len(np.unique(values)) > 1 and not np.isin(values, (-1, 0, 1)).all():
        return _widened(bootstrap_interval(values), values, effect, -bound, bound)
    n = len(values) / effect
    mean = n * float(values.mean()) / (n + 2)
    variance = (n * float((values**2).mean()) + 2 * bound**2) / (n + 2) - mean**2
    half = Z_95 * math.sqrt(variance / (n + 2))
    low, high = mean - half, mean + half
    return [round(max(-bound, float(low)), 4), round(min(bound, float(high)), 4)]


def share_interval(values: np.ndarray, media: Media | None = None) -> list[float]:
    """95 % interval of the mean of values 0 to 1: Wilson's, or a bootstrap of values between, such as means of seeds.

    Wilson's holds for every value between as well, whose spread is smaller; a bootstrap is narrower, but has no width
    where all are equal. Wilson's is that of n / `design_effect` questions (Dean and Pagano 2015, "Evaluating confidence
    interval methods for binomial proportions in clustered surveys"), and the bootstrap is widened by the root of it.

    Args:
        values: (n,) float, one value per question, n at least 1.
        media: of each question; None takes all as independent.
    """
    effect = design_effect(values, media)
    if len(np.unique(values)) > 1 and not np.isin(values, (0, 1)).all():
        return _widened(bootstrap_interval(values), values, effect, 0, 1)
    return wilson_interval(float(values.mean()), len(values) / effect)


def newcombe_interval(ours: np.ndarray, theirs: np.ndarray) -> list[float]:
    """95 % interval of the difference of two shares of independent samples (Newcombe 1998, method 10).

    Source: "Interval estimation for the difference between independent proportions", from two Wilson intervals.

    Args:
        ours: (n,) float, 0 to 1, n at least 1.
        theirs: (m,) float, 0 to 1, m at least 1.
    """
    p, q = float(ours.mean()), float(theirs.mean())
    (p_low, p_high), (q_low, q_high) = wilson_interval(p, len(ours)), wilson_interval(q, len(theirs))
    low, high = p - q - math.hypot(p - p_low, q_high - q), p - q + math.hypot(p_high - p, q - q_low)
    return [round(low, 4), round(high, 4)]


def normal_interval(values: np.ndarray, media: Media | None = None) -> list[float] | None:
    """95 % interval of the mean from its standard error; None for a single measurement.

    Source: the central limit theorem with the quantile `Z_95`.

    Args:
        values: (n,) float, one value per question.
        media: of each question; None takes all as independent.
    """
    if len(values) < 2:
        return None
    half = Z_95 * values.std(ddof=1) * math.sqrt(design_effect(values, media) / len(values))
    return [round(float(values.mean() - half), 4), round(float(values.mean() + half), 4)]


def wilson_interval(share: float, n: float) -> list[float]:
    """95 % Wilson score interval of a share (Wilson 1927); unlike a bootstrap it has a width at 0 and at 1.

    Args:
        share: 0 to 1.
        n: number of questions, at least 1; a fraction where they are dependent.

    Returns:
        Lower and upper bound.
    """
    weight = Z_95**2 / n
    centre = (share + weight / 2) / (1 + weight)
    half = Z_95 / (1 + weight) * math.sqrt(share * (1 - share) / n + weight / (4 * n))
    return [round(max(0.0, centre - half), 4), round(min(1.0, centre + half), 4)]


def _widened(interval: list[float], values: np.ndarray, effect: float, least: float, most: float) -> list[float]:
    """The interval about the mean, as many times as wide as the root of the design effect, as far as values reach."""
    mean, by = float(values.mean()), math.sqrt(effect)
    low, high = (mean + (bound - mean) * by for bound in interval)
    return [round(max(least, low), 4), round(min(most, high), 4)] if effect > 1 else interval
