"""Whether a text is in another language than asked for, by the classifier of py3langid."""

import functools
import re
from typing import Any

SHORTEST = 40
"""Characters below which a text is too short to tell."""
CONFIDENT = 0.95
"""Probability of another language from which on a text is taken to be in that language."""
_ENGLISH = re.compile(r"\b(the|what|are|there|how|does|which|where|who|why|with|this|from)\b", re.IGNORECASE)
"""Words that only English has; two of them spare most texts the classifier, which takes 0.1 ms."""


@functools.lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def is_other_language(text: str, language: str) -> bool:
    """Whether the text is certainly in another language.

    Args:
        text: of any length; a short one is never in another language.
        language: ISO 639-1 code.
    """
    if len(text) < SHORTEST:
        return False
    if language == "en" and len(set(map(str.lower, _ENGLISH.findall(text)))) > 1:
        return False
    found, probability = _identifier().classify(text)
    return bool(found != language and probability >= CONFIDENT)


def known_languages() -> frozenset[str]:
    """Every code that the classifier knows."""
    return frozenset(label for label, _ in _identifier().rank("text"))
