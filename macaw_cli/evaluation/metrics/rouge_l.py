"""ROUGE-L: the longest common subsequence of words."""

from collections.abc import Sequence

from macaw_cli.evaluation.metrics.normalising import spoken_words


def rouge_l(pairs: Sequence[tuple[str, str]]) -> float:
    """Mean over the questions of ROUGE-L's F-measure with beta = 1, 0 to 1; words in lower case, not stemmed.

    Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", section 3.1, equations 2 to 4.

    Args:
        pairs: reference and answer of each question; at least one.
    """
    words = [(spoken_words(reference).split(), spoken_words(answer).split()) for reference, answer in pairs]
    return sum(_f_measure(reference, answer) for reference, answer in words) / len(pairs)


def _f_measure(reference: list[str], answer: list[str]) -> float:
    if not reference or not answer:
        return float(reference == answer)
    return 2 * longest_common_subsequence(reference, answer) / (len(reference) + len(answer))


def longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest sequence of words that stand in both in this order, not always side by side."""
    lengths = [0] * (len(second) + 1)
    for word in first:
        diagonal = 0
        for place, other in enumerate(second, start=1):
            above = lengths[place]
            lengths[place] = diagonal + 1 if word == other else max(above, lengths[place - 1])
            diagonal = above
    return lengths[-1]
