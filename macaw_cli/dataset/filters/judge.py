"""`judge`: an LLM scores every conversation against a rubric.

It uses the API, the limits and the ledger of `generation`: a verdict that was paid for is never asked for again, and
`generation.max_cost` holds for examples and verdicts together.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from macaw_cli.basics.console import progress, say
from macaw_cli.basics.errors import ResourceError
from macaw_cli.config.filters.judge import JudgeSettings
from macaw_cli.config.generation_settings import GenerationSettings
from macaw_cli.dataset.conversations import Origin
from macaw_cli.dataset.filters.filter import Finding, Row, Surroundings
from macaw_cli.dataset.filters.judge_rubric import CORRECTION, SCHEMA, Scores, judge_messages, read_scores
from macaw_cli.dataset.generation.answered import Answered
from macaw_cli.dataset.generation.asking import Asker
from macaw_cli.dataset.generation.budget import Budget
from macaw_cli.dataset.generation.endpoint import Endpoint, require_key
from macaw_cli.dataset.generation.expectation import Expectation
from macaw_cli.dataset.generation.generate import opened_ledger, require_own_generation
from macaw_cli.dataset.generation.generator import require_settings
from macaw_cli.dataset.generation.kept_reply import Reply
from macaw_cli.dataset.generation.kinds.kind import ExampleKind
from macaw_cli.dataset.generation.ledger import Ledger
from macaw_cli.dataset.generation.ledger_writer import LedgerWriter
from macaw_cli.dataset.generation.pricing import price_of
from macaw_cli.dataset.generation.reply import Outcome, ParsedReply
from macaw_cli.dataset.generation.request import Message, Request, Sampling, request_hash
from macaw_cli.dataset.generation.stop_signals import interrupted_by, stop_signals
from macaw_cli.dataset.generation.token_counts import counter
from macaw_cli.dataset.items import Item

KIND = ExampleKind("judge", "")
"""Names these requests in the ledger."""
UNDER_WAY = 2
"""Conversations that wait for a verdict, for each request that the API gets at a time."""


@dataclass(frozen=True, slots=True)
class _Example:
    """What a verdict needs of a conversation."""

    id: str
    messages: list[Message]


class JudgeFilter:
    """Drops conversations with a score below the threshold; keeps the texts of all in memory until they are judged.

    Raises:
        UsageError: the model, its price or the API key is missing.
        InputError: the folder of the ledger is not macaw's.
    """

    def __init__(self, settings: JudgeSettings, surroundings: Surroundings) -> None:
        self._settings, self._asks = settings, surroundings.asks
        generation = surroundings.generation or GenerationSettings()
        self._generation = replace(generation, model=settings.model or generation.model)
        require_settings(self._generation)
        if self._asks:
            require_key(self._generation)
        self._ledger_folder: Path = surroundings.folder / self._generation.out
        require_own_generation(self._ledger_folder, [])
        tokenizer = surroundings.folder / self._generation.tokenizer if self._generation.tokenizer else None
        self._sampling = Sampling(
            self._generation.model, self._generation.temperature, self._generation.max_new_tokens
        )
        self._expectation = Expectation(price_of(self._generation), self._sampling, {KIND.name: 1}, counter(tokenizer))
        self._examples: list[_Example] = []

    def see(self, row: Row) -> None:
        """Take note of the next conversation."""
        self._examples.append(_Example(str(row.get("id") or ""), judge_messages(row)))

    def findings(self) -> Iterator[Finding]:
        """Ask for all verdicts; without asking, tell what that would cost.

        Raises:
            ResourceError: a limit was reached before all were judged; verdicts are kept for the next run.
            InputError: the API refuses every request.
        """
        if not self._asks:
            cost = sum(self._expectation.of(KIND.name, one.messages).cost for one in self._examples)
            say(f"judge would ask {self._sampling.model} about {len(self._examples):,} conversations for ${cost:.2f}.")
            return
        with opened_ledger(self._ledger_folder) as ledger:
            answers = asyncio.run(self._judged(ledger))
        for number, answered in enumerate(answers):
            if reason := self._reason(answered):
                yield Finding(number, reason)

    def _reason(self, answered: Answered) -> str:
        verdict = read_scores(answered.raw) if answered.parsed.outcome is Outcome.OK else answered.parsed.reason
        return verdict.below(self._settings.threshold) if isinstance(verdict, Scores) else f"not judged: {verdict}"

    async def _judged(self, ledger: Ledger) -> list[Answered]:
        spent = ledger.spent()
        limits = self._generation.max_cost, self._generation.max_requests
        budget = Budget(*limits, spent.at_most)
        endpoint = Endpoint(self._generation, self._sampling, SCHEMA)
        try:
            with LedgerWriter(ledger) as writer, progress("Judging", len(self._examples), "conversations") as advance:
                asker = _JudgeAsker(
                    self._generation, self._sampling, ledger, writer, endpoint, self._expectation, budget
                )
                answers = await self._asked(asker, advance)
        finally:
            await endpoint.close()
        self._require_all(answers, asker)
        traffic = asker.traffic
        say(
            f"judge: {traffic.replies:,} replies from the API for ${traffic.cost:.4f}, {traffic.from_ledger:,} from the"
            " ledger."
        )
        return answers

    async def _asked(self, asker: Asker, advance: Any) -> list[Answered]:
        answers: list[Answered | None] = [None] * len(self._examples)
        waiting = iter(range(len(self._examples)))

        async def work() -> None:
            for number in waiting:
                answers[number] = await asker.answer(self._request(self._examples[number]))
                advance(1, f"${asker.traffic.cost:.4f}")

        tasks = [asyncio.ensure_future(work()) for _ in range(UNDER_WAY * self._generation.concurrency)]
        came: list[int] = []

        def stop(number: int) -> None:
            came.append(number)
            if len(came) > 1:
                for task in tasks:
                    task.cancel()
                return
            asker.stop("the run was interrupted")
            say("Stopping: waiting for the replies that are under way. Interrupt again to leave at once.")

        with stop_signals(stop):
            try:
                await asyncio.gather(*tasks)
            except asyncio.CancelledError:
                if not came:
                    raise
        if came:
            raise interrupted_by(came[0])
        return [answered for answered in answers if answered is not None]

    def _request(self, example: _Example) -> Request:
        item = Item(example.id, Origin(0, "", 0), {})
        name = request_hash(example.messages, self._sampling, example.id, 0)
        return Request(item, KIND, 1, 0, example.messages, name)

    def _require_all(self, answers: list[Answered], asker: Asker) -> None:
        left = sum(answered.parsed.outcome is Outcome.NOT_ASKED for answered in answers)
        if left:
            raise ResourceError(
                f"{left:,} of {len(answers):,} conversations were not judged: {asker.stopped}.",
                "Raise the limit and run the same command again: verdicts are kept, and none is paid for twice.",
            )


class _JudgeAsker(Asker):
    """Asks for verdicts instead of examples."""

    correction = CORRECTION

    def parsed(self, reply: Reply, request: Request) -> ParsedReply:
        """Whether the reply is a verdict."""
        del request
        if reply.refusal or reply.finish == "content_filter":
            return ParsedReply(Outcome.REFUSED, reason=reply.refusal or "the API's content filter stopped the reply")
        if not reply.text.strip():
            return ParsedReply(Outcome.EMPTY, reason="the reply has no text")
        verdict = read_scores(reply.text)
        if isinstance(verdict, str):
            return ParsedReply(Outcome.WRONG_SCHEMA, reason=verdict)
        return ParsedReply(Outcome.OK)
