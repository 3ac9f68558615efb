"""`grounded`: answers that follow from what is known of their media."""

from functools import cached_property

from macaw_cli.config.filters.grounded import GroundedSettings
from macaw_cli.dataset.filters.conversation_texts import is_unanswerable, known_texts, turns
from macaw_cli.dataset.filters.filter import Row, Surroundings
from macaw_cli.dataset.filters.gain import GainScorer
from macaw_cli.dataset.filters.grounding import known_words, support, unsupported

_NAMED = 5
"""Words that a reason names."""


class GroundedFilter:
    """Drops conversations with an answer that captions, transcript and boxes do not support.

    Conversations of whose media nothing is known are kept, and so are those whose right answer is that they do not
    tell.
    """

    def __init__(self, settings: GroundedSettings, surroundings: Surroundings) -> None:
        self._settings, self._surroundings = settings, surroundings

    @cached_property
    def _gains(self) -> GainScorer:
        return GainScorer(self._settings.model, self._settings.device, self._surroundings)

    def reason(self, row: Row) -> str:
        """The words that nothing supports, or how little the captions help."""
        texts = known_texts(row)
        if not texts or is_unanswerable(row):
            return ""
        known = known_words(texts)
        for question, answer in turns(row):
            found = support(question, answer, known)
            if found < self._settings.min_share:
                named = ", ".join(unsupported(question, answer, known)[:_NAMED])
                return f"only {found:.0%} of the answer is known of its media" + (f"; not: {named}" if named else "")
        if not self._settings.model:
            return ""
        (gain,) = self._gains.gains([row])
        if gain is None or gain >= self._settings.min_gain:
            return ""
        return f"the captions change the answer's log-likelihood by {gain:+.2f} nats per token only"
