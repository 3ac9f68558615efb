"""Mean absolute error of forecasts."""

from collections.abc import Sequence

import numpy as np

from macaw_cli.evaluation.metrics.forecast_values import filled, forecasts


def mean_absolute_error(pairs: Sequence[tuple[str, str]]) -> float:
    """Mean over all forecast values of |median of the samples - true value|; 0 is best, in the units of the answers.

    An answer that cannot be read counts as the mean of all references; `missing_rate` tells how many there are.

    Source: PromptCast (arXiv 2210.08964, section 4.1), of the samples' median as LLMTIME (arXiv 2310.07820, section 3).

    Args:
        pairs: reference and answer of each question, see `forecasts`; at least one.
    """
    errors = [np.abs(np.median(samples, axis=0) - true) for true, samples in filled(forecasts(pairs))]
    return float(np.concatenate(errors).mean()) if errors else 0.0
