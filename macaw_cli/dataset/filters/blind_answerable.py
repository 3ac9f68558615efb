"""`blind-answerable`: answers that a text-only model knows as well without the media.

Of such examples a model learns to answer from the question alone. Log-likelihoods of the answer with and without what
is known of the media are compared; conversations of whose media nothing is known are kept.
"""

from collections.abc import Iterator

from macaw_cli.basics.console import say
from macaw_cli.config.filters.blind_answerable import BlindAnswerableSettings
from macaw_cli.dataset.filters.conversation_texts import is_unanswerable
from macaw_cli.dataset.filters.filter import Finding, Row, Surroundings
from macaw_cli.dataset.filters.gain import GainScorer

TAG = "blind-answerable"


class BlindAnswerableFilter:
    """Drops or tags conversations whose answers gain little from what is known of their media."""

    def __init__(self, settings: BlindAnswerableSettings, surroundings: Surroundings) -> None:
        self._settings, self._computes = settings, surroundings.asks
        self._scorer = GainScorer(settings.model, settings.device, surroundings)
        self._waiting: list[tuple[int, Row]] = []
        self._found: list[Finding] = []
        self._count = 0

    def see(self, row: Row) -> None:
        """Score the conversation together with some others."""
        if self._computes and not is_unanswerable(row):
            self._waiting.append((self._count, row))
        self._count += 1
        if len(self._waiting) >= self._settings.batch_size:
            self._score()

    def findings(self) -> Iterator[Finding]:
        """Those that gain less than wanted; none in a plan, which is not to take hours."""
        if not self._computes:
            say(f"blind-answerable is not applied in a plan; it would score {self._count:,} conversations.")
        self._score()
        yield from self._found

    def _score(self) -> None:
        gains = self._scorer.gains([row for _, row in self._waiting])
        tag = TAG if self._settings.action == "tag" else ""
        for (number, _), gain in zip(self._waiting, gains, strict=True):
            if gain is not None and gain < self._settings.min_gain:
                reason = f"a text-only model gains {gain:+.2f} nats per token from the captions"
                self._found.append(Finding(number, reason, tag))
        self._waiting.clear()
