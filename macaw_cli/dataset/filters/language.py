"""`language`: text in one language."""

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.filters.language import LanguageSettings
from macaw_cli.dataset.filters.conversation_texts import answers, questions
from macaw_cli.dataset.filters.filter import Row, Surroundings
from macaw_cli.dataset.language import is_other_language, known_languages


class LanguageFilter:
    """Drops conversations whose text, taken together, is certainly in another language.

    Raises:
        UsageError: the language cannot be recognised.
    """

    def __init__(self, settings: LanguageSettings, surroundings: Surroundings) -> None:
        del surroundings
        self._language = settings.language
        if settings.language not in known_languages():
            raise UsageError(
                f"The filter language has the language {settings.language}, which cannot be recognised.",
                "Use an ISO 639-1 code such as en, de or zh.",
            )

    def reason(self, row: Row) -> str:
        """Which language is missed."""
        text = " ".join([*questions(row), *answers(row)])
        return f"not in the language {self._language}" if is_other_language(text, self._language) else ""
