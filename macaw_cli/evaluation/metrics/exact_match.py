"""Normalised exact match."""

from collections.abc import Sequence

from macaw_cli.evaluation.metrics.normalising import answer_words


def exact_match(pairs: Sequence[tuple[str, str]]) -> float:
    """Share of the answers that equal their reference after normalisation, 0 to 1.

    Source: Rajpurkar et al. 2016 (arXiv 1606.05250), section 6.1.

    Args:
        pairs: reference and answer of each question; at least one.
    """
    return sum(answer_words(reference) == answer_words(answer) for reference, answer in pairs) / len(pairs)
