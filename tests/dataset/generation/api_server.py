"""A real HTTP server that speaks the chat completions API, and misbehaves as told; in a thread of its own.

Replies depend on the request alone, so that a run can be compared with another one.
"""

import asyncio
import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

Handler = Callable[["ApiServer", web.Request, dict[str, Any]], Awaitable[web.StreamResponse | None]]
"""Answers instead of the server, or returns None to let it answer."""


class ApiServer:
    """One server; `address` is its base URL."""

    def __init__(self, handler: Handler | None = None, seconds: float = 0.0) -> None:
        self.handler, self.seconds = handler, seconds
        self.requests: list[dict[str, Any]] = []
        self.answered: Counter[str] = Counter()
        """Messages of each request to how often it was answered with 200."""
        self.headers: list[dict[str, str]] = []
        self.under_way = self.most_under_way = 0
        self.address = ""

    def routes(self, app: web.Application) -> None:
        """Further routes; a subclass has some."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One chat completion."""
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            body = await request.json()
            self.requests.append(body)
            self.headers.append(dict(request.headers))
            response = await self.handler(self, request, body) if self.handler else None
            if response is None:
                await asyncio.sleep(self.seconds)
                response = web.json_response(completion(body))
            if response.status == 200:
                self.answered[key_of(body)] += 1
            return response
        finally:
            self.under_way -= 1


def key_of(body: dict[str, Any]) -> str:
    """Names the messages of a request."""
    return hashlib.sha256(json.dumps(body["messages"], sort_keys=True).encode()).hexdigest()


def asked_pairs(body: dict[str, Any]) -> int:
    """How many pairs a request asks for."""
    text = body["messages"][1]["content"]
    text = text if isinstance(text, str) else "".join(part.get("text", "") for part in text)
    found = re.search(r"(?:Write|up to|conversation of) (\d+)", text.rpartition("</known>")[2])
    return int(found[1]) if found else 1


def pairs_for(body: dict[str, Any], count: int | None = None) -> list[dict[str, str]]:
    """Pairs that depend on the request alone, of the kind that it asks for."""
    seed = key_of(body)
    text = json.dumps(body["messages"])
    count = asked_pairs(body) if count is None else count
    if "yes or no" in text:
        answers = [f"{('Yes', 'No')[number % 2]}, that is what is there." for number in range(count)]
    else:
        answers = [f"There are {int(seed[:4], 16) + number} of them in the middle." for number in range(count)]
    return [
        {"question": f"What is the detail {seed[:6]} number {number} in this?", "answer": answer}
        for number, answer in enumerate(answers)
    ]


def completion(
    body: dict[str, Any], text: str | None = None, finish: str = "stop", usage: bool = True
) -> dict[str, Any]:
    """The JSON of a reply."""
    text = json.dumps({"pairs": pairs_for(body)}) if text is None else text
    prompt = sum(len(json.dumps(message)) for message in body["messages"]) // 4
    counted = {"prompt_tokens": prompt, "completion_tokens": len(text) // 4, "total_tokens": prompt + len(text) // 4}
    message = {"role": "assistant", "content": text, "refusal": None}
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body["model"],
        "choices": [{"index": 0, "finish_reason": finish, "message": message, "logprobs": None}],
        **({"usage": counted} if usage else {}),
    }  # fmt: skip


def error(status: int, message: str, code: str | None = None, headers: dict[str, str] | None = None) -> web.Response:
    """An error in the API's shape."""
    body = {"error": {"message": message, "type": code or "error", "param": None, "code": code}}
    return web.json_response(body, status=status, headers=headers)


@contextmanager
def serving(server: ApiServer) -> Iterator[ApiServer]:
    """Run the server on a free port of this machine."""
    loop = asyncio.new_event_loop()
    started = threading.Event()
    runner: list[web.AppRunner] = []

    async def start() -> None:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/v1/chat/completions", server.answer)
        server.routes(app)
        runner.append(web.AppRunner(app, shutdown_timeout=0.1))
        await runner[0].setup()
        site = web.TCPSite(runner[0], "127.0.0.1", 0)
        await site.start()
        server.address = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/v1"  # type: ignore[union-attr]
        started.set()

    def run() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner[0].cleanup())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(20)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
