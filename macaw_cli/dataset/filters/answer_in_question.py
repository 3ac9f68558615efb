"""`answer-in-question`: a question that gives its answer away teaches nothing about the media."""

import re

from macaw_cli.config.filters.answer_in_question import AnswerInQuestionSettings
from macaw_cli.dataset.filters.content_words import ANSWER_WORDS, content_words
from macaw_cli.dataset.filters.conversation_texts import has_media, is_unanswerable, turns
from macaw_cli.dataset.filters.filter import Row, Surroundings

_YES_OR_NO = re.compile(r"\s*(?:yes|no)\b", re.IGNORECASE)
_ALTERNATIVES = re.compile(r"\b(?:or|versus|vs)\b", re.IGNORECASE)


class AnswerInQuestionFilter:
    """Drops conversations about media in which every content word of an answer stands in its question.

    Answers of yes or no, and questions that list what to choose from, name the answer of necessity; text-only questions
    often bring the text that holds it.
    """

    def __init__(self, settings: AnswerInQuestionSettings, surroundings: Surroundings) -> None:
        del surroundings
        self._share = settings.share

    def reason(self, row: Row) -> str:
        """The answer that is given away."""
        if not has_media(row) or row.get("choices") or is_unanswerable(row):
            return ""
        for question, answer in turns(row):
            if _YES_OR_NO.match(answer) or _ALTERNATIVES.search(question):
                continue
            told, asked = set(content_words(answer)) - ANSWER_WORDS, set(content_words(question))
            if told and len(told & asked) >= self._share * len(told):
                return "the question gives the answer away"
        return ""
