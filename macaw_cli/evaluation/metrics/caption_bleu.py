"""BLEU-1 to BLEU-4 as the scorer of the COCO captions computes them."""

import math
from collections import Counter
from collections.abc import Sequence

from macaw_cli.evaluation.metrics.caption_words import caption_words
from macaw_cli.evaluation.metrics.referenced import Referenced

ORDERS = (1, 2, 3, 4)
TINY, SMALL = 1e-15, 1e-9
"""Added to numerators and denominators, so that nothing is divided by 0."""


def caption_bleu(answered: Sequence[Referenced]) -> tuple[float, float, float, float]:
    """BLEU over all captions, of n-grams up to 1, 2, 3 and 4 words, 0 to 1.

    It differs from `bleu` in the words (`caption_words`, so without capitals and punctuation), in the smoothing, and in
    the length of the references: that of the one whose length is closest to the caption's.

    Source: Papineni et al. 2002, section 2; Chen et al. 2015 (arXiv 1504.00325), section 4.2.

    Args:
        answered: references and caption of each medium, at least one.
    """
    correct, guessed = dict.fromkeys(ORDERS, 0), dict.fromkeys(ORDERS, 0)
    length = wanted = 0
    for one in answered:
        words, references = caption_words(one.answer), [caption_words(text) for text in one.references]
        length += len(words)
        wanted += min((abs(len(reference) - len(words)), len(reference)) for reference in references)[1]
        for n in ORDERS:
            allowed: Counter[tuple[str, ...]] = Counter()
            for reference in references:
                allowed |= _ngrams(reference, n)
            correct[n] += (_ngrams(words, n) & allowed).total()
            guessed[n] += max(0, len(words) - n + 1)
    precision, found = 1.0, []
    ratio = (length + TINY) / (wanted + SMALL)
    brevity = math.exp(1 - 1 / ratio) if length and ratio < 1 else float(bool(length))
    for n in ORDERS:
        precision *= (correct[n] + TINY) / (guessed[n] + SMALL)
        found.append(brevity * precision ** (1 / n))
    return found[0], found[1], found[2], found[3]


def _ngrams(words: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))
