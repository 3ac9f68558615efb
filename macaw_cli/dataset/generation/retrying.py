"""Sending one request: within the limits of rate, again after failures of the server, as long as the answer is 429."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import stamina

from macaw_cli.basics.errors import InputError
from macaw_cli.config.generation_settings import GenerationSettings
from macaw_cli.dataset.generation.answered import Traffic
from macaw_cli.dataset.generation.endpoint import Endpoint, ServerTrouble, TooMany
from macaw_cli.dataset.generation.limiter import AdaptiveLimit
from macaw_cli.dataset.generation.pace import Pace
from macaw_cli.dataset.generation.raw_reply import RawReply
from macaw_cli.dataset.generation.request import Message

stamina.instrumentation.set_on_retry_hooks([])  # its own writes a line to stderr for each
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
        self._leaves = False
        self._waiting: set[asyncio.Task[Any]] = set()
        """Tasks whose request waits for its place."""
        self._throttled_since: float | None = None
        """When the API began to answer nothing but 429."""

    def leave(self) -> None:
        """Send no further request, also none that waits for its place."""
        self._leaves = True
        for task in self._waiting:
            task.cancel()

    async def send(self, messages: list[Message], tokens: int, lost: Callable[[], Awaitable[None]]) -> RawReply:
        """Send a request until there is a reply.

        Args:
            messages: of the request.
            tokens: of prompt and reply, as far as can be told.
            lost: called whenever a reply may have been made and did not arrive.

        Raises:
            Stopped: the run ends before it was sent.
            ServerTrouble: every attempt failed.
            RequestRefused: the API refuses it.
            InputError: the API would refuse every request, or answers nothing but 429 for too long.
        """
        try:
            return await self._once(messages, tokens, lost)
        except ServerTrouble:
            if self._settings.attempts == 1:
                raise
        async for attempt in stamina.retry_context(
            on=ServerTrouble, attempts=self._settings.attempts - 1, timeout=None,
            wait_initial=0.5, wait_max=10.0, wait_jitter=0.5,
        ):  # fmt: skip
            with attempt:
                self._traffic.retried += 1
                return await self._once(messages, tokens, lost)
        raise AssertionError("unreachable: stamina raises the last error")

    async def _once(
        self, messages: list[Message], tokens: int, lost: Callable[[], Awaitable[None]]
    ) -> RawReply:
        """Send until the answer is not 429: these are no attempts, as the limiter sees to them."""
        while True:
            entered = await self._place(tokens)
            try:
                reply = await self._endpoint.send(messages)
            except TooMany as error:
                self._throttled(entered, error.wait_s)
                continue
            except ServerTrouble as error:
                if error.charged:
                    await lost()
                raise
            finally:
                self.limit.leave()
            self._throttled_since = None
            self.limit.replied()
            return reply

    async def _place(self, tokens: int) -> float:
        """Wait until the request may be sent; returns when that was.

        Raises:
            Stopped: no request is sent any more.
        """
        task = asyncio.current_task()
        assert task is not None
        if self._has_left():
            raise Stopped
        self._waiting.add(task)
        try:
            await self._pace.wait(tokens)
            return await self.limit.enter()
        except asyncio.CancelledError:
            if self._has_left() and task.cancelling() == 1:
                task.uncancel()
                raise Stopped from None
            raise
        finally:
            self._waiting.discard(task)

    def _has_left(self) -> bool:
        return self._leaves

    def _throttled(self, entered: float, wait_s: float) -> None:
        self._traffic.throttled += 1
        if wait_s > PATIENCE_S:
            raise InputError(f"The API asks to wait {wait_s / 60:.0f} minutes.", "Run the same command again later.")
        now = time.monotonic()
        self._throttled_since = now if self._throttled_since is None else self._throttled_since
        if now - self._throttled_since > PATIENCE_S:
            raise InputError(
                f"The API has answered nothing but 429 (too many requests) for {PATIENCE_S / 60:.0f} minutes.",
                "Run the same command again later, with a lower generation.requests_per_minute.",
            )
        self.limit.too_many(entered, wait_s)
