"""Forecasts that cannot be read."""

from collections.abc import Sequence

from macaw_cli.evaluation.metrics.forecast_values import forecasts


def missing_rate(pairs: Sequence[tuple[str, str]]) -> float:
    """Share of the answers with fewer numbers than their reference, 0 to 1; of no reference with numbers, 0.

    Source: PromptCast (arXiv 2210.08964, section 4.1).

    Args:
        pairs: reference and answer of each question; at least one.
    """
    found = forecasts(pairs)
    return sum(samples is None for _, samples in found) / len(found) if found else 0.0
