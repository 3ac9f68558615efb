"""CIDEr-D: consensus of a caption with those that people wrote."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import chain

from macaw_cli.evaluation.metrics.caption_words import caption_words
from macaw_cli.evaluation.metrics.referenced import Referenced

ORDERS = (1, 2, 3, 4)
SIGMA = 6.0
"""Of the Gaussian penalty of lengths, in pairs of words."""

Ngram = tuple[str, ...]


def cider_d(answered: Sequence[Referenced]) -> list[float]:
    """CIDEr-D of each caption, 0 to 10; the score of a corpus is their mean.

    How rare a word is, is counted over the references of this corpus, so that a corpus of one medium has 0.

    Source: Vedantam et al. 2015 (arXiv 1411.5726), sections 3 and 6; lengths are counted in pairs of words, and the
    words are `caption_words`, as in the scorer of the COCO captions.

    Args:
        answered: references and caption of each medium.
    """
    references = [[_counts(text) for text in one.references] for one in answered]
    seen = Counter(chain.from_iterable(set(chain.from_iterable(counts)) for counts in references))
    most = math.log(len(answered)) if answered else 0.0
    scores = []
    for one, counts in zip(answered, references, strict=True):
        caption = _Vector(_counts(one.answer), seen, most)
        similar = [caption.similarity(_Vector(reference, seen, most)) for reference in counts]
        scores.append(10 * sum(similar) / len(similar))
    return scores


def mean_cider_d(answered: Sequence[Referenced]) -> float:
    """CIDEr-D of a corpus.

    Args:
        answered: as in `cider_d`, at least one.
    """
    return sum(cider_d(answered)) / len(answered)


def _counts(text: str) -> Counter[Ngram]:
    words = caption_words(text)
    return Counter(tuple(words[at : at + n]) for n in ORDERS for at in range(len(words) - n + 1))


class _Vector:
    """TF-IDF weights of a caption's n-grams, per order, and its length in pairs of words."""

    def __init__(self, counts: Counter[Ngram], seen: Counter[Ngram], most: float) -> None:
        self.weights: dict[int, dict[Ngram, float]] = {n: {} for n in ORDERS}
        for ngram, count in counts.items():
            self.weights[len(ngram)][ngram] = count * (most - math.log(max(1, seen[ngram])))
        self.pairs = sum(count for ngram, count in counts.items() if len(ngram) == 2)

    def similarity(self, reference: "_Vector") -> float:
        """Mean over the orders of the clipped cosine, times the penalty of different lengths."""
        penalty = math.exp(-((self.pairs - reference.pairs) ** 2) / (2 * SIGMA**2))
        return penalty * sum(_clipped_cosine(self.weights[n], reference.weights[n]) for n in ORDERS) / len(ORDERS)


def _clipped_cosine(caption: dict[Ngram, float], reference: dict[Ngram, float]) -> float:
    common = sum(min(caption[ngram], reference[ngram]) * reference[ngram] for ngram in caption if ngram in reference)
    norms = math.hypot(*caption.values()) * math.hypot(*reference.values())
    return common / norms if norms else 0.0
