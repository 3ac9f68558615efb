"""`caption-words`: the filter of Macaw-LLM.

Its published preprocessing keeps an example only if `caption` stands in neither instruction nor response, and neither
` no ` nor `not` in the response; all three are looked for as letters, case-sensitive (arXiv 2306.09093, its code).
"""

import re

from macaw_cli.config.filters.caption_words import CaptionWordsSettings
from macaw_cli.dataset.filters.conversation_texts import answers, questions
from macaw_cli.dataset.filters.filter import Row, Surroundings

_CAPTION = re.compile(r"\bcaption(?:s|ed|ing)?\b", re.IGNORECASE)
_NEGATION = re.compile(r"\b(?:no|not)\b", re.IGNORECASE)
_CAPTION_PUBLISHED = re.compile("caption")
_NEGATION_PUBLISHED = re.compile(" no |not")


class CaptionWordsFilter:
    """Drops conversations that mention a caption, and those with a denying answer."""

    def __init__(self, settings: CaptionWordsSettings, surroundings: Surroundings) -> None:
        del surroundings
        self._caption = _CAPTION_PUBLISHED if settings.as_published else _CAPTION
        negation = _NEGATION_PUBLISHED if settings.as_published else _NEGATION
        self._negation = negation if settings.negations else None

    def reason(self, row: Row) -> str:
        """The word that was found."""
        for what, texts in (("question", questions(row)), ("answer", answers(row))):
            if any(map(self._caption.search, texts)):
                return f'the {what} mentions "caption"'
        if self._negation:
            for answer in answers(row):
                if found := self._negation.search(answer):
                    return f'the answer contains "{found[0].strip().lower()}"'
        return ""
