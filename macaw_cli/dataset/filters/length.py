"""`length`: neither too short nor too long."""

from macaw_cli.config.filters.length import LengthSettings
from macaw_cli.dataset.filters.conversation_texts import answers, questions
from macaw_cli.dataset.filters.filter import Row, Surroundings


class LengthFilter:
    """Drops conversations with a question or answer outside of the bounds. A question may be media alone."""

    def __init__(self, settings: LengthSettings, surroundings: Surroundings) -> None:
        del surroundings
        self._settings = settings

    def reason(self, row: Row) -> str:
        """Which text is too short or too long."""
        bounds = self._settings
        for what, texts, least, most in (
            ("question", questions(row), bounds.min_question_words, bounds.max_question_words),
            ("answer", answers(row), bounds.min_answer_words, bounds.max_answer_words),
        ):
            for text in texts:
                count = len(text.split())
                if len(text) > bounds.max_characters:
                    return f"the {what} has {len(text):,} characters, more than {bounds.max_characters:,}"
                if count > most:
                    return f"the {what} has {count:,} words, more than {most:,}"
                if count < least and (text.strip() or what == "answer"):
                    return f"the {what} has {count} words, fewer than {least}"
        return ""
