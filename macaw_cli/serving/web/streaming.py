"""Server-sent events, and what happens when the client leaves."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_log = logging.getLogger(__name__)
T = TypeVar("T")


class ClientLeft(Exception):
    """Nobody reads the response any more."""


async def unless_left(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the client leaves before it is there.

    Raises:
        ClientLeft: it has.
    """
    return await _until_left(request.receive, work)


class EventStream(Response):
    """A response of server-sent events; the events are closed when the client leaves.

    Args:
        events: the text of each one.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[str]) -> None:
        self.background = None
        self.status_code = 200
        self._events = events
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events as they come; that the client leaves is an end like others."""
        began = time.monotonic()
        try:
            await _until_left(receive, self._send(send))
        except ClientLeft:
            took = time.monotonic() - began
            _log.info("%s %s: the client left its stream after %.2f s", scope["method"], scope["path"], took)

    async def _send(self, send: Send) -> None:
        async with aclosing(self._events) as events:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for event in events:
                await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def server_sent(content: dict[str, Any], kind: str | None = None) -> str:
    """One event."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return f"event: {kind}\ndata: {text}\n\n" if kind else f"data: {text}\n\n"


async def _until_left(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait((task, watch), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientLeft
        return task.result()
    finally:
        watch.cancel()
        task.cancel()
        await asyncio.gather(task, watch, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
