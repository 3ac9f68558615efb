"""ROUGE-L as the scorer of the COCO captions computes it."""

from collections.abc import Sequence

from macaw_cli.evaluation.metrics.caption_words import caption_words
from macaw_cli.evaluation.metrics.referenced import Referenced
from macaw_cli.evaluation.metrics.rouge_l import longest_common_subsequence

BETA = 1.2


def caption_rouge_l(answered: Sequence[Referenced]) -> float:
    """Mean F-measure of the longest common subsequence of `caption_words`, 0 to 1.

    Precision and recall are those of the reference that is best for each, and recall weighs more (beta = 1.2), which is
    where it differs from `rouge_l`.

    Source: Lin 2004, section 3.1; Chen et al. 2015 (arXiv 1504.00325), section 4.3.

    Args:
        answered: references and caption of each medium, at least one.
    """
    return sum(_f_measure(one) for one in answered) / len(answered)


def _f_measure(one: Referenced) -> float:
    words = caption_words(one.answer)
    references = [caption_words(text) for text in one.references]
    common = [longest_common_subsequence(reference, words) for reference in references]
    precision = max(count / max(1, len(words)) for count in common)
    recall = max(count / max(1, len(reference)) for count, reference in zip(common, references, strict=True))
    if not precision or not recall:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)
