"""Verdicts of a judging LLM: many requests with short replies, through the ledger, the limits and the budget."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from macaw_cli.basics.console import progress, say
from macaw_cli.config.generation_settings import GenerationSettings
from macaw_cli.dataset.conversations import Origin
from macaw_cli.dataset.generation.answered import Answered, Traffic
from macaw_cli.dataset.generation.asking import Asker
from macaw_cli.dataset.generation.budget import Budget
from macaw_cli.dataset.generation.endpoint import Endpoint
from macaw_cli.dataset.generation.expectation import Expectation
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

UNDER_WAY = 2
"""Requests that are begun, for each that the API gets at a time: the others wait for their place or for the disk."""
CORRECTION = "This reply could not be used: {fault}. Reply again with one JSON object of the form asked for."


@dataclass(frozen=True, slots=True)
class VerdictForm:
    """What kind of verdict is asked for.

    Attributes:
        name: names these requests in the ledger.
        schema: `response_format` of every request.
        fault: why the text of a reply is no verdict; empty where it is one.
        things: what is judged, for the progress display.
    """

    name: str
    schema: dict[str, Any]
    fault: Callable[[str], str]
    things: str


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to judge; equal messages with an equal id are asked once."""

    id: str
    messages: list[Message]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What came.

    Attributes:
        answers: one per case, in order.
        traffic: of this run.
        stopped: why no further request was begun; empty where all were.
    """

    answers: list[Answered]
    traffic: Traffic
    stopped: str


class VerdictRequests:
    """Asks an LLM for verdicts.

    Args:
        settings: the API, its model, its limits.
        tokenizer: folder with which tokens are counted; None is the estimate.
        form: of the verdicts.

    Raises:
        UsageError: nobody knows the model's price.
        InputError: the folder holds no tokenizer.
    """

    def __init__(self, settings: GenerationSettings, tokenizer: Path | None, form: VerdictForm) -> None:
        self.settings, self._form = settings, form
        self._kind = ExampleKind(form.name, "")
        self.sampling = Sampling(settings.model, settings.temperature, settings.max_new_tokens)
        self.expectation = Expectation(price_of(settings), self.sampling, {form.name: 1}, counter(tokenizer))

    def cost(self, cases: Sequence[Case]) -> float:
        """US dollars that the cases are expected to cost."""
        return sum(self.expectation.of(self._form.name, case.messages).cost for case in cases)

    def bound(self, cases: Sequence[Case]) -> float:
        """The most that one of the cases can cost, in US dollars."""
        return max((self.expectation.of(self._form.name, case.messages).bound for case in cases), default=0.0)

    def unanswered(self, cases: Sequence[Case], ledger: Ledger) -> list[Case]:
        """The cases that the ledger does not answer, equal ones once."""
        requests = {self._request(case).hash: case for case in cases}
        return [case for name, case in requests.items() if ledger.reply(name) is None]

    def ask(self, cases: Sequence[Case], ledger: Ledger) -> Verdicts:
        """All verdicts, from the ledger where they are there, else from the API.

        Raises:
            Interrupted: SIGINT or SIGTERM; replies under way were waited for.
            InputError: the API refuses every request.
            ResourceError: the ledger cannot be written.
        """
        return asyncio.run(self._asked(cases, ledger))

    async def _asked(self, cases: Sequence[Case], ledger: Ledger) -> Verdicts:
        budget = Budget(self.settings.max_cost, self.settings.max_requests, ledger.spent().at_most)
        endpoint = Endpoint(self.settings, self.sampling, self._form.schema)
        try:
            with LedgerWriter(ledger) as writer, progress("Judging", len(cases), self._form.things) as advance:
                asker = _VerdictAsker(self.settings, self.sampling, ledger, writer, endpoint, self.expectation, budget)
                asker.fault = self._form.fault
                answers = await self._answers(cases, asker, advance)
        finally:
            await endpoint.close()
        return Verdicts(answers, asker.traffic, asker.stopped)

    async def _answers(self, cases: Sequence[Case], asker: Asker, advance: Any) -> list[Answered]:
        answers: list[Answered | None] = [None] * len(cases)
        waiting = iter(range(len(cases)))

        async def work() -> None:
            for number in waiting:
                answers[number] = await asker.answer(self._request(cases[number]))
                advance(1, f"${asker.traffic.cost:.4f}")

        tasks = [asyncio.ensure_future(work()) for _ in range(UNDER_WAY * self.settings.concurrency)]
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

    def _request(self, case: Case) -> Request:
        item = Item(case.id, Origin(0, "", 0), {})
        name = request_hash(case.messages, self.sampling, case.id, 0)
        return Request(item, self._kind, 1, 0, case.messages, name)


class _VerdictAsker(Asker):
    """Asks for verdicts instead of examples."""

    correction = CORRECTION
    fault: Callable[[str], str]

    def parsed(self, reply: Reply, request: Request) -> ParsedReply:
        """Whether the reply is a verdict."""
        del request
        if reply.refusal or reply.finish == "content_filter":
            return ParsedReply(Outcome.REFUSED, reason=reply.refusal or "the API's content filter stopped the reply")
        if not reply.text.strip():
            return ParsedReply(Outcome.EMPTY, reason="the reply has no text")
        fault = self.fault(reply.text)
        return ParsedReply(Outcome.WRONG_SCHEMA, reason=fault) if fault else ParsedReply(Outcome.OK)
