"""One request from the ledger or the API to question-answer pairs: pace, retries, one correction."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import stamina

from macaw_cli.basics.errors import InputError
from macaw_cli.config.generation_settings import GenerationSettings
from macaw_cli.dataset.generation.answered import Answered, Traffic
from macaw_cli.dataset.generation.budget import Budget
from macaw_cli.dataset.generation.endpoint import Endpoint, RawReply, RequestRefused, ServerTrouble, TooMany
from macaw_cli.dataset.generation.expectation import Expectation, Expected
from macaw_cli.dataset.generation.ledger import Ledger, Reply
from macaw_cli.dataset.generation.ledger_writer import LedgerWriter
from macaw_cli.dataset.generation.limiter import AdaptiveLimit
from macaw_cli.dataset.generation.pace import Pace
from macaw_cli.dataset.generation.prompt import CORRECTION
from macaw_cli.dataset.generation.reply import UNUSABLE, Outcome, ParsedReply, parse_reply
from macaw_cli.dataset.generation.request import Message, Request, Sampling, request_hash
from macaw_cli.dataset.generation.token_counts import without_media

PATIENCE_S = 600.0
"""How long the API may answer nothing but 429, or ask to wait, before a run ends."""


class Stopped(Exception):
    """No further request is sent in this run."""


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

    def __init__(
        self, settings: GenerationSettings, sampling: Sampling, ledger: Ledger, writer: LedgerWriter,
        endpoint: Endpoint, expectation: Expectation, budget: Budget,
    ) -> None:  # fmt: skip
        self._settings, self._sampling, self._ledger, self._writer = settings, sampling, ledger, writer
        self._endpoint, self._expectation, self._budget = endpoint, expectation, budget
        self.limit = AdaptiveLimit(settings.concurrency)
        self._pace = Pace(settings.requests_per_minute, settings.tokens_per_minute)
        self.traffic = Traffic()
        self._settled = asyncio.Event()
        """Set for a moment whenever a request is over."""
        self.stopped = ""
        """Why no further request is begun; empty while requests may be begun."""
        self._leaves = self._only_ledger = False
        self._heard_at = time.monotonic()

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
        parsed = self._parsed(first, request)
        if parsed.outcome not in UNUSABLE:
            return Answered(parsed, first.text, first.cost, first.prompt_tokens, first.completion_tokens)
        try:
            second = await self._corrected(request, first, parsed)
        except _Failed as failure:
            parsed = ParsedReply(parsed.outcome, reason=f"{parsed.reason}; asked again: {failure.reason}")
            return Answered(parsed, first.text, first.cost, first.prompt_tokens, first.completion_tokens)
        return Answered(
            self._parsed(second, request), second.text, first.cost + second.cost,
            first.prompt_tokens + second.prompt_tokens, first.completion_tokens + second.completion_tokens,
        )  # fmt: skip

    @property
    def may_begin(self) -> bool:
        """Whether further requests may be begun: while some are sent, or all are answered from the ledger alone."""
        return not self.stopped or self._only_ledger

    def use_only_ledger(self, reason: str) -> None:
        """Send nothing from the beginning."""
        self._only_ledger = True
        self.stop(reason)

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
        self._leaves = self._leaves or at_once

    def _parsed(self, reply: Reply, request: Request) -> ParsedReply:
        return parse_reply(
            reply.text, reply.finish, reply.refusal, request.kind, request.pairs, self._settings.language
        )

    async def _corrected(self, request: Request, first: Reply, parsed: ParsedReply) -> Reply:
        messages: list[Message] = [
            *request.messages,
            *([{"role": "assistant", "content": first.text}] if first.text.strip() else []),
            {"role": "user", "content": CORRECTION.format(fault=parsed.reason)},
        ]
        return await self._reply(request, messages, request_hash(messages, self._sampling, request.round))

    async def _reply(self, request: Request, messages: list[Message], name: str) -> Reply:
        """From the ledger, else from the API and then into the ledger."""
        if kept := self._ledger.reply(name):
            self.traffic.from_ledger += 1
            return kept
        expected = await self._allowed(request, messages)
        self._budget.reserve(expected.cost)
        cost = 0.0
        try:
            await self._writer.sent(name, expected.bound)
            raw = await self._sent(messages, round(expected.prompt_tokens + expected.completion_tokens), name)
            reply = self._as_kept(raw, request, messages, name)
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

    async def _sent(self, messages: list[Message], tokens: int, name: str) -> RawReply:
        try:
            try:
                return await self._once(messages, tokens)
            except ServerTrouble as error:
                if self._settings.attempts == 1:
                    raise
                self.traffic.reasons[str(error)[:80]] += 1
            async for attempt in stamina.retry_context(
                on=ServerTrouble, attempts=self._settings.attempts - 1, timeout=None,
                wait_initial=0.5, wait_max=10.0, wait_jitter=0.5,
            ):  # fmt: skip
                with attempt:
                    self.traffic.retried += 1
                    return await self._once(messages, tokens)
            raise AssertionError("unreachable: stamina raises the last error")
        except (ServerTrouble, RequestRefused) as error:
            await self._writer.failure(name, str(error), charged=isinstance(error, ServerTrouble))
            raise _Failed(Outcome.FAILED, str(error)) from error
        except Stopped:
            await self._writer.failure(name, self.stopped, charged=False)
            raise _Failed(Outcome.NOT_ASKED, self.stopped) from None

    async def _once(self, messages: list[Message], tokens: int) -> RawReply:
        """Send until the answer is not 429: these are no attempts, as the limiter sees to them."""
        while True:
            await self._pace.wait(tokens)
            async with self._place() as entered:
                if self._leaves:
                    raise Stopped
                try:
                    reply = await self._endpoint.send(messages)
                except TooMany as error:
                    self._throttled(entered, error.wait_s)
                    continue
            self._heard_at = time.monotonic()
            self.limit.replied()
            return reply

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[float]:
        entered = await self.limit.enter()
        try:
            yield entered
        finally:
            self.limit.leave()

    def _throttled(self, entered: float, wait_s: float) -> None:
        self.traffic.throttled += 1
        if wait_s > PATIENCE_S:
            raise InputError(f"The API asks to wait {wait_s / 60:.0f} minutes.", "Run the same command again later.")
        if time.monotonic() - self._heard_at > PATIENCE_S + wait_s:
            raise InputError(
                f"The API has answered nothing but 429 (too many requests) for {PATIENCE_S / 60:.0f} minutes.",
                "Run the same command again later, with a lower generation.requests_per_minute.",
            )
        self.limit.too_many(entered, wait_s)

    def _as_kept(self, raw: RawReply, request: Request, messages: list[Message], name: str) -> Reply:
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
        )  # fmt: skip


class _Failed(Exception):
    """There is no reply to a request."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome, self.reason = outcome, reason
