"""Overlap of words, whatever their order."""

from collections import Counter
from collections.abc import Sequence

from macaw_cli.evaluation.metrics.normalising import answer_words


def token_f1(pairs: Sequence[tuple[str, str]]) -> float:
    """Mean over the questions of the F1 of the answer's words against the reference's, 0 to 1.

    Source: Rajpurkar et al. 2016 (arXiv 1606.05250), section 6.1.

    Args:
        pairs: reference and answer of each question; at least one.
    """
    return sum(_f1(answer_words(reference), answer_words(answer)) for reference, answer in pairs) / len(pairs)


def _f1(reference: list[str], answer: list[str]) -> float:
    if not reference or not answer:
        return float(reference == answer)
    common = (Counter(reference) & Counter(answer)).total()
    return 2 * common / (len(reference) + len(answer))
