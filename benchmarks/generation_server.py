"""A chat completions server in a process of its own, well-behaved or not; counts what it answered.

    python benchmarks/generation_server.py [--seconds 0.2] [--trouble]

Prints its address. `GET /counts` tells how many requests came, how many were answered, and how many of them more than
once; `GET /burst?seconds=3` has it answer 429 for so long. With --trouble: bursts of 429 with and without Retry-After,
500s, hangs, dropped connections, half JSON, wrong schemas, wrong numbers of pairs, odd characters, empty replies, and
replies without usage. What is wrong with the text of a reply depends on the request alone; the rest comes and goes.
"""

import argparse
import asyncio
import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

from aiohttp import web

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.dataset.generation.api_server import ApiServer, asked_pairs, completion, error, key_of, pairs_for, serving

BURST_EVERY, BURST = 900, 60
"""Of so many requests, so many in a row are answered with 429."""
ODD = "Ω\u2028\U0001f99c \u0000 \\ \" ' </script>"


class CountingServer(ApiServer):
    """Keeps counts and no bodies, so that its memory stays flat."""

    def __init__(self, seconds: float, trouble: bool) -> None:
        super().__init__(self._trouble if trouble else self._good, seconds)
        self._numbers = itertools.count()
        self._busy_until = 0.0

    def routes(self, app: web.Application) -> None:
        """The counts beside the chat completions."""
        app.router.add_get("/counts", self._counts)
        app.router.add_get("/burst", self._burst)

    async def _burst(self, request: web.Request) -> web.StreamResponse:
        self._busy_until = time.monotonic() + float(request.query["seconds"])
        return web.json_response({})

    async def _counts(self, _: web.Request) -> web.StreamResponse:
        twice = sum(count - 1 for count in self.answered.values())
        return web.json_response({"requests": next(self._numbers), "answered": len(self.answered), "twice": twice})

    async def _good(self, server: ApiServer, _: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        next(self._numbers)
        server.requests.clear()
        server.headers.clear()
        busy = time.monotonic() < self._busy_until
        return error(429, "Rate limit reached", "rate_limit_exceeded") if busy else None

    async def _trouble(
        self, server: ApiServer, request: web.Request, body: dict[str, Any]
    ) -> web.StreamResponse | None:
        server.requests.clear()
        server.headers.clear()
        number = next(self._numbers)
        if number % BURST_EVERY < BURST:
            headers = {"Retry-After": "1"} if (number // BURST_EVERY) % 2 else None
            return error(429, "Rate limit reached", "rate_limit_exceeded", headers)
        passing = number % 100
        if passing == 17:
            return error(500 + number % 4, "Server trouble")
        if passing == 43 and request.transport is not None:
            request.transport.close()
            return web.Response(status=500)
        if number % 1000 == 777:
            await asyncio.sleep(30)
        await asyncio.sleep(self.seconds)
        return web.json_response(_with_faults(body))


def _with_faults(body: dict[str, Any]) -> dict[str, Any]:
    """A reply whose faults depend on the messages alone."""
    kind = int(key_of(body)[:8], 16) % 100
    pairs = asked_pairs(body)
    good = json.dumps({"pairs": pairs_for(body)})
    if kind < 3:
        return completion(body, good[: len(good) // 2], finish="length")
    if kind < 6:
        return completion(body, json.dumps({"answers": [1, 2, 3]}))
    if kind < 9:
        return completion(body, json.dumps({"pairs": pairs_for(body, pairs + 2)}))
    if kind < 12:
        return completion(body, json.dumps({"pairs": pairs_for(body, max(1, pairs - 2))}))
    if kind < 14:
        odd = [{**pair, "answer": pair["answer"] + ODD} for pair in pairs_for(body)]
        return completion(body, "Sure!\n```json\n" + json.dumps({"pairs": odd}, ensure_ascii=False) + "\n```")
    if kind < 16:
        return completion(body, "")
    return completion(body, usage=kind >= 20)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.2, help="seconds until a reply")
    parser.add_argument("--trouble", action="store_true", help="misbehave")
    options = parser.parse_args()
    with serving(CountingServer(options.seconds, options.trouble)) as server:
        print(server.address, flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
