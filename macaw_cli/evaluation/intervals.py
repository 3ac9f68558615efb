"""95 % confidence intervals of means and shares."""

import math

import numpy as np

BOOTSTRAP_SAMPLES = 2000
Z_95 = 1.959964
"""Two-sided 95 % quantile of the normal distribution."""


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


def difference_interval(values: np.ndarray) -> list[float]:
    """95 % interval of the mean of paired differences; it has a width also where all of them are equal.

    Differences of right (1) and wrong (0) have the adjusted Wald interval of Bonett and Price (2012, "Adjusted Wald
    confidence interval for a difference of binomial proportions based on paired data", equation 4): that of the
    differences and of one more in each direction. Others have a bootstrap, unless they are all equal: a bootstrap of
    these has no width, so that they have the adjusted interval as well.

    Args:
        values: (n,) float, one difference per question, n at least 1.

    Returns:
        Lower and upper bound, which the differences allow.
    """
    if len(np.unique(values)) > 1 and not np.isin(values, (-1, 0, 1)).all():
        return bootstrap_interval(values)
    bound = max(1.0, float(np.abs(values).max()))
    adjusted = np.append(values, [-bound, bound])
    half = Z_95 * adjusted.std() / math.sqrt(len(adjusted))
    low, high = adjusted.mean() - half, adjusted.mean() + half
    return [round(max(-bound, float(low)), 4), round(min(bound, float(high)), 4)]


def share_interval(values: np.ndarray) -> list[float]:
    """95 % interval of the mean of values 0 to 1: Wilson's, or a bootstrap of values between, such as means of seeds.

    Wilson's holds for every value between as well, whose spread is smaller; a bootstrap is narrower, but has no width
    where all are equal.

    Args:
        values: (n,) float, one value per question, n at least 1.
    """
    if len(np.unique(values)) > 1 and not np.isin(values, (0, 1)).all():
        return bootstrap_interval(values)
    return wilson_interval(float(values.mean()), len(values))


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


def normal_interval(values: np.ndarray) -> list[float] | None:
    """95 % interval of the mean from its standard error; None for a single measurement.

    Source: the central limit theorem with the quantile `Z_95`.

    Args:
        values: (n,) float, one value per question.
    """
    if len(values) < 2:
        return None
    half = Z_95 * values.std(ddof=1) / math.sqrt(len(values))
    return [round(float(values.mean() - half), 4), round(float(values.mean() + half), 4)]


def wilson_interval(share: float, n: int) -> list[float]:
    """95 % Wilson score interval of a share (Wilson 1927); unlike a bootstrap it has a width at 0 and at 1.

    Args:
        share: 0 to 1.
        n: number of questions, at least 1.

    Returns:
        Lower and upper bound.
    """
    weight = Z_95**2 / n
    centre = (share + weight / 2) / (1 + weight)
    half = Z_95 / (1 + weight) * math.sqrt(share * (1 - share) / n + weight / (4 * n))
    return [round(max(0.0, centre - half), 4), round(min(1.0, centre + half), 4)]
