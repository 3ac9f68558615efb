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
