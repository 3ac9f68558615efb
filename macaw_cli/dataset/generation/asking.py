"""One request from the ledger or the API to question-answer pairs: within the budget, with one correction."""

import asyncio
import time

from macaw_cli.basics.errors import InputError
from macaw_cli.config.generation_settings import GenerationSettings
from macaw_cli.dataset.generation.answered import Answered, Traffic
from macaw_cli.dataset.generation.budget import Budget
from macaw_cli.dataset.generation.endpoint import Endpoint, RequestRefused, ServerTrouble
from macaw_cli.dataset.generation.expectation import Expectation, Expected
from macaw_cli.dataset.generation.kept_reply import Reply
from macaw_cli.dataset.generation.ledger import Ledger
from macaw_cli.dataset.generation.ledger_writer import LedgerWriter
from macaw_cli.dataset.generation.prompt import CORRECTION
from macaw_cli.dataset.generation.raw_reply import RawReply
from macaw_cli.dataset.generation.reply import UNUSABLE, Outcome, ParsedReply, parse_reply
from macaw_cli.dataset.generation.request import Message, Request, Sampling, request_hash
from macaw_cli.dataset.generation.retrying import Sender, Stopped
from macaw_cli.dataset.generation.token_counts import without_media

HOPELESS = 20
"""Requests that fail before any reply comes, after which a run ends."""


class Asker:
    """Answers requests; for one event loop.

    Args:
        settings: limits of time and attempts, and the language.
        sampling: fields of every request.
        ledger: where replies are looked up.
        writer: where they are written.
        endpoint: the API.
        expectation: what a request costs.
        budget: what may be spent.
    """

    correction = CORRECTION
    """What is asked once after a reply that cannot be used; `{fault}` says why."""

    def __init__(
        self, settings: GenerationSettings, sampling: Sampling, ledger: Ledger, writer: LedgerWriter,
        endpoint: Endpoint, expectation: Expectation, budget: Budget,
    ) -> None:  # fmt: skip
        self._settings, self._sampling, self._ledger, self._writer = settings, sampling, ledger, writer
        self._expectation, self._budget = expectation, budget
        self.traffic = Traffic()
        self.sender = Sender(settings, endpoint, self.traffic)
        self._asked: dict[str, asyncio.Event] = {}
        """Requests that are not over, by hash."""
        self._settled = asyncio.Event()
        """Set for a moment whenever a request is over."""
        self.stopped = ""
        """Why no further request is begun; empty while requests may be begun."""
        self._only_ledger = False
        self._failed_in_a_row = 0

    async def answer(self, request: Request) -> Answered:
        """The pairs of one request, after one correction where the first reply cannot be used.

        Raises:
            InputError: every request would be refused.
            ResourceError: the ledger cannot be written.
        """
        try:
            first = await self._reply(request, request.messages, request.hash)
        except _Failed as failure:
            return Answered(ParsedReply(failure.outcome, reason=failure.reason))
        parsed = self.parsed(first, request)
        if parsed.outcome not in UNUSABLE:
            return Answered(parsed, first.text, first.cost, first.prompt_tokens, first.completion_tokens)
        try:
            second = await self._corrected(request, first, parsed)
        except _Failed as failure:
            parsed = ParsedReply(parsed.outcome, reason=f"{parsed.reason}; asked again: {failure.reason}")
            return Answered(parsed, first.text, first.cost, first.prompt_tokens, first.completion_tokens)
        return Answered(
            self.parsed(second, request), second.text, first.cost + second.cost,
            first.prompt_tokens + second.prompt_tokens, first.completion_tokens + second.completion_tokens,
        )  # fmt: skip

    @property
    def may_begin(self) -> bool:
        """Whether further requests may be begun: while some are sent, or all are answered from the ledger alone."""
        return not self.stopped or self._only_ledger

    @property
    def uses_only_ledger(self) -> bool:
        """Whether nothing is sent."""
        return self._only_ledger

    def use_only_ledger(self, reason: str) -> None:
        """Send nothing from the beginning."""
        self._only_ledger = True
        self.stop(reason, at_once=False)

    @property
    def mean_cost(self) -> float:
        """US dollars of a reply so far."""
        return self.traffic.cost / max(1, self.traffic.replies)

    def stop(self, reason: str, *, at_once: bool = True) -> None:
        """Begin no further request; what was sent is waited for.

        Args:
            reason: told to the user.
            at_once: requests that still wait for their place are not sent either.
        """
        self.stopped = self.stopped or reason
        if at_once:
            self._only_ledger = False
            self.sender.leave()

    def parsed(self, reply: Reply, request: Request) -> ParsedReply:
        """What a reply holds; other kinds of requests have other replies."""
        return parse_reply(
            reply.text, reply.finish, reply.refusal, request.kind, request.pairs, self._settings.language
        )

    async def _corrected(self, request: Request, first: Reply, parsed: ParsedReply) -> Reply:
        messages: list[Message] = [
            *request.messages,
            *([{"role": "assistant", "content": first.text}] if first.text.strip() else []),
            {"role": "user", "content": self.correction.format(fault=parsed.reason)},
        ]
        name = request_hash(messages, self._sampling, request.item.id, request.round)
        return await self._reply(request, messages, name)

    async def _reply(self, request: Request, messages: list[Message], name: str) -> Reply:
        """From the ledger, else from the API and then into the ledger."""
        while True:
            if kept := self._ledger.reply(name):
                self.traffic.from_ledger += 1
                return kept
            if name not in self._asked:
                break
            await self._asked[name].wait()  # two items with one id and equal captions
        over = self._asked[name] = asyncio.Event()
        try:
            return await self._from_api(request, messages, name)
        finally:
            over.set()
            del self._asked[name]

    async def _from_api(self, request: Request, messages: list[Message], name: str) -> Reply:
        """Within the budget, and then into the ledger."""
        expected = await self._allowed(request, messages)
        self._budget.reserve(expected.cost)
        cost = 0.0
        try:
            await self._writer.sent(name, expected.bound)
            raw = await self._sent(messages, expected, name)
            reply = self._as_kept(raw, request, messages, expected.counted, name)
            cost = reply.cost
            await self._writer.reply(reply)
        finally:
            self._budget.settle(expected.cost, cost)
            self._settled.set()
            self._settled.clear()
        self.traffic.replies += 1
        self.traffic.cost += cost
        self.traffic.tokens += reply.prompt_tokens + reply.completion_tokens
        self._expectation.learn(request.kind.name, expected, reply.prompt_tokens, reply.completion_tokens)
        return reply

    async def _allowed(self, request: Request, messages: list[Message]) -> Expected:
        """Wait until the budget allows the request: those under way may cost less than expected.

        Raises:
            _Failed: it does not, and nothing is under way any more.
        """
        while True:
            expected = self._expectation.of(request.kind.name, messages)
            reason = self._budget.why_not(expected.cost)
            if reason and not self._budget.may_change:
                self.stop(reason, at_once=False)
            if self.stopped:
                raise _Failed(Outcome.NOT_ASKED, self.stopped)
            if not reason:
                return expected
            await self._settled.wait()

    async def _sent(self, messages: list[Message], expected: Expected, name: str) -> RawReply:
        async def lost() -> None:
            self._budget.lose(expected.bound)
            await self._writer.lost(name, expected.bound)

        try:
            return await self.sender.send(messages, round(expected.prompt_tokens + expected.completion_tokens), lost)
        except (ServerTrouble, RequestRefused) as error:
            await self._writer.failure(name, str(error))
            self._failed_in_a_row += 1
            if self._failed_in_a_row >= HOPELESS and not self.traffic.replies:
                told = str(error).rstrip(".")
                raise InputError(
                    f"The first {self._failed_in_a_row} requests failed. The last reason: {told}.",
                    "Check generation.endpoint and generation.model.",
                ) from None
            raise _Failed(Outcome.FAILED, str(error)) from None
        except Stopped:
            await self._writer.failure(name, self.stopped)
            raise _Failed(Outcome.NOT_ASKED, self.stopped) from None
        except InputError as error:  # every request would be refused
            await self._writer.failure(name, error.problem)
            raise

    def _as_kept(
        self, raw: RawReply, request: Request, messages: list[Message], estimate: int, name: str
    ) -> Reply:
        counted = raw.prompt_tokens is not None and raw.completion_tokens is not None
        prompt = raw.prompt_tokens if raw.prompt_tokens is not None else self._expectation.count_prompt(messages)
        completion = raw.completion_tokens
        if completion is None:
            completion = self._expectation.count(raw.text)
        return Reply(
            hash=name, model=self._sampling.model, kind=request.kind.name, item=request.item.id,
            prompt=without_media(messages), text=raw.text, finish=raw.finish, refusal=raw.refusal,
            prompt_tokens=prompt, completion_tokens=completion, counted=counted,
            cost=self._expectation.price.cost(prompt, completion), seconds=raw.seconds, received=time.time(),
            estimate=estimate, pairs=request.pairs,
        )  # fmt: skip


class _Failed(Exception):
    """There is no reply to a request."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome, self.reason = outcome, reason
