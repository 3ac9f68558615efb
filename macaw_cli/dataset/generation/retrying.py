"""Sending one request: within the limits of rate, again after failures of the server, as long as the answer is 429."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import stamina

from macaw_cli.basics.errors import InputError
from macaw_cli.config.generation_settings import GenerationSettings
from macaw_cli.dataset.generation.answered import Traffic
from macaw_cli.dataset.generation.endpoint import Endpoint, RawReply, ServerTrouble, TooMany
from macaw_cli.dataset.generation.limiter import AdaptiveLimit
from macaw_cli.dataset.generation.pace import Pace
from macaw_cli.dataset.generation.request import Message

PATIENCE_S = 600.0
"""How long the API may answer nothing but 429, or ask to wait, before a run ends."""


class Stopped(Exception):
    """No further request is sent in this run."""


class Sender:
    """Sends requests; for one event loop.

    Args:
        settings: limits of rate, time and attempts.
        endpoint: the API.
        traffic: counts what happens.
    """

    def __init__(self, settings: GenerationSettings, endpoint: Endpoint, traffic: Traffic) -> None:
        self._settings, self._endpoint, self._traffic = settings, endpoint, traffic
        self.limit = AdaptiveLimit(settings.concurrency)
        self._pace = Pace(settings.requests_per_minute, settings.tokens_per_minute)
        self.leaves = False
        """Requests that wait for their place are not sent any more."""
        self._heard_at = time.monotonic()

    async def send(self, messages: list[Message], tokens: int) -> RawReply:
        """Send a request until there is a reply.

        Args:
            messages: of the request.
            tokens: of prompt and reply, as far as can be told.

        Raises:
            Stopped: the run ends before it was sent.
            ServerTrouble: every attempt failed.
            RequestRefused: the API refuses it.
            InputError: the API would refuse every request, or answers nothing but 429 for too long.
        """
        try:
            return await self._once(messages, tokens)
        except ServerTrouble as error:
            if self._settings.attempts == 1:
                raise
            self._traffic.reasons[str(error)[:80]] += 1
        async for attempt in stamina.retry_context(
            on=ServerTrouble, attempts=self._settings.attempts - 1, timeout=None,
            wait_initial=0.5, wait_max=10.0, wait_jitter=0.5,
        ):  # fmt: skip
            with attempt:
                self._traffic.retried += 1
                return await self._once(messages, tokens)
        raise AssertionError("unreachable: stamina raises the last error")

    async def _once(self, messages: list[Message], tokens: int) -> RawReply:
        """Send until the answer is not 429: these are no attempts, as the limiter sees to them."""
        while True:
            await self._pace.wait(tokens)
            async with self._place() as entered:
                if self.leaves:
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
        self._traffic.throttled += 1
        if wait_s > PATIENCE_S:
            raise InputError(f"The API asks to wait {wait_s / 60:.0f} minutes.", "Run the same command again later.")
        if time.monotonic() - self._heard_at > PATIENCE_S + wait_s:
            raise InputError(
                f"The API has answered nothing but 429 (too many requests) for {PATIENCE_S / 60:.0f} minutes.",
                "Run the same command again later, with a lower generation.requests_per_minute.",
            )
        self.limit.too_many(entered, wait_s)
