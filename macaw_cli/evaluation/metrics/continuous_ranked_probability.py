"""Continuous ranked probability score of forecasts with samples."""

from collections.abc import Sequence

import numpy as np

from macaw_cli.evaluation.metrics.forecast_values import filled, forecasts


def continuous_ranked_probability(pairs: Sequence[tuple[str, str]]) -> float:
    """Mean over all forecast values of E|X - y| - E|X - X'| / 2 over the samples; 0 is best, in the answers' units.

    Of a single sample it is the mean absolute error. Answers that cannot be read count as there.

    Source: Gneiting and Raftery 2007, "Strictly Proper Scoring Rules, Prediction, and Estimation", equation 21, with
    the empirical distribution of the samples.

    Args:
        pairs: reference and answer of each question, see `forecasts`; at least one.
    """
    scores = []
    for true, samples in filled(forecasts(pairs)):
        away = np.abs(samples - true).mean(axis=0)
        apart = np.abs(samples[:, None] - samples[None]).mean(axis=(0, 1))
        scores.append(away - apart / 2)
    return float(np.concatenate(scores).mean()) if scores else 0.0
