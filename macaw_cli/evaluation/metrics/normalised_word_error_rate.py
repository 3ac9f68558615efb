"""Word error rate after the normalisation that Whisper's figures have."""

from collections.abc import Sequence
from functools import cache
from typing import Any


def normalised_word_error_rate(pairs: Sequence[tuple[str, str]]) -> float:
    """As the word error rate, of English texts in which numbers, titles and contractions are written in one way.

    `Mr.` is `mister`, `twenty five dollars` is `$25`, `he's got` is `he has got`. The list of British spellings is not
    applied, as it comes with Whisper's tokenizer: `colour` and `color` differ.

    Source: Radford et al. 2022 (arXiv 2212.04356), appendix C; the normaliser is that of `transformers`.

    Args:
        pairs: reference and answer of each utterance; at least one.
    """
    import jiwer

    plain = _normaliser()
    return float(jiwer.wer([plain(reference) for reference, _ in pairs], [plain(answer) for _, answer in pairs]))


@cache
def _normaliser() -> Any:
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    return EnglishTextNormalizer({})
