"""`judge`: an LLM scores every conversation against a rubric.

It uses the API, the limits and the ledger of `generation`: a verdict that was paid for is never asked for again, and
`generation.max_cost` holds for examples and verdicts together.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from macaw_cli.basics.console import say
from macaw_cli.basics.errors import ResourceError
from macaw_cli.config.filters.judge import JudgeSettings
from macaw_cli.config.generation_settings import GenerationSettings
from macaw_cli.dataset.filters.filter import Finding, Row, Surroundings
from macaw_cli.dataset.filters.judge_rubric import SCHEMA, Scores, judge_messages, read_scores
from macaw_cli.dataset.generation.answered import Answered
from macaw_cli.dataset.generation.endpoint import require_key
from macaw_cli.dataset.generation.generate import opened_ledger, require_own_generation
from macaw_cli.dataset.generation.generator import require_settings
from macaw_cli.dataset.generation.reply import Outcome
from macaw_cli.dataset.generation.verdicts import Case, VerdictForm, VerdictRequests, Verdicts


class JudgeFilter:
    """Drops conversations with a score below the threshold; keeps the texts of all in memory until they are judged.

    Raises:
        UsageError: the model, its price or the API key is missing.
        InputError: the folder of the ledger is not macaw's.
    """

    def __init__(self, settings: JudgeSettings, surroundings: Surroundings) -> None:
        self._settings, self._asks = settings, surroundings.asks
        generation = surroundings.generation or GenerationSettings()
        generation = replace(generation, model=settings.model or generation.model)
        require_settings(generation)
        if self._asks:
            require_key(generation)
        self._ledger_folder: Path = surroundings.folder / generation.out
        require_own_generation(self._ledger_folder, [])
        tokenizer = surroundings.folder / generation.tokenizer if generation.tokenizer else None
        self._requests = VerdictRequests(generation, tokenizer, VerdictForm("judge", SCHEMA, _fault, "conversations"))
        self._cases: list[Case] = []

    def see(self, row: Row) -> None:
        """Take note of the next conversation."""
        self._cases.append(Case(str(row.get("id") or ""), judge_messages(row)))

    def findings(self) -> Iterator[Finding]:
        """Ask for all verdicts; without asking, tell what that would cost.

        Raises:
            ResourceError: a limit was reached before all were judged; verdicts are kept for the next run.
            InputError: the API refuses every request.
        """
        if not self._asks:
            model, cost = self._requests.sampling.model, self._requests.cost(self._cases)
            say(f"judge would ask {model} about {len(self._cases):,} conversations for ${cost:.2f}.")
            return
        with opened_ledger(self._ledger_folder) as ledger:
            verdicts = self._requests.ask(self._cases, ledger)
        _require_all(verdicts)
        traffic = verdicts.traffic
        say(
            f"judge: {traffic.replies:,} replies from the API for ${traffic.cost:.4f}, {traffic.from_ledger:,} from the"
            " ledger."
        )
        for number, answered in enumerate(verdicts.answers):
            if reason := self._reason(answered):
                yield Finding(number, reason)

    def _reason(self, answered: Answered) -> str:
        verdict = read_scores(answered.raw) if answered.parsed.outcome is Outcome.OK else answered.parsed.reason
        return verdict.below(self._settings.threshold) if isinstance(verdict, Scores) else f"not judged: {verdict}"


def _fault(text: str) -> str:
    verdict = read_scores(text)
    return verdict if isinstance(verdict, str) else ""


def _require_all(verdicts: Verdicts) -> None:
    left = sum(answered.parsed.outcome is Outcome.NOT_ASKED for answered in verdicts.answers)
    if left:
        raise ResourceError(
            f"{left:,} of {len(verdicts.answers):,} conversations were not judged: {verdicts.stopped}.",
            "Raise the limit and run the same command again: verdicts are kept, and none is paid for twice.",
        )
