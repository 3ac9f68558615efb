"""Clients that leave: what was done for them ends."""

import http.client
import json
import os
import time
from contextlib import ExitStack, closing

import aiohttp
import pytest

BODY = {
    "model": "tiny", "messages": [{"role": "user", "content": "What is this?"}], "max_tokens": 400, "temperature": 1.5,
}  # fmt: skip


A_SECOND = 1 if os.getloadavg()[0] <= 0.5 * (os.cpu_count() or 1) else 20
"""The goal, on a machine that is not busy with other work."""


def begin(server, **changes):
    """A request whose answer nobody reads."""
    connection = http.client.HTTPConnection(server.place, timeout=30)
    body = json.dumps({**BODY, **changes})
    connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
    return connection


def wait_until(holds, seconds):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("stream", [True, False])
def test_the_slot_of_a_client_that_leaves_is_free_within_a_second(server, stream):
    before = server.figure('macaw_answers_total{ending="cancelled"}')
    connections = [begin(server, stream=stream, n=2) for _ in range(3)]
    wait_until(lambda: server.figure("macaw_answers_running") == 6, 20)
    for connection in connections:
        connection.sock.close()
    wait_until(lambda: server.figure("macaw_answers_running") == 0, A_SECOND)
    assert server.figure('macaw_answers_total{ending="cancelled"}') == before + 6


async def stop_after_a_chunk(url):
    async with aiohttp.ClientSession() as session, session.post(url, json={**BODY, "stream": True}) as response:
        return await response.content.readany()


def test_a_client_that_stops_reading_a_stream_frees_its_slot(server):
    import asyncio

    assert asyncio.run(stop_after_a_chunk(f"{server.url}/v1/chat/completions")).startswith(b"data: ")
    wait_until(lambda: server.figure("macaw_answers_running") == 0, A_SECOND)


def test_a_client_that_leaves_while_its_question_waits_takes_no_row(make_server):
    with make_server(rows=1) as server:
        first = begin(server, max_tokens=700)
        wait_until(lambda: server.figure("macaw_answers_running") == 1, 20)
        second = begin(server)
        wait_until(lambda: server.figure("macaw_answers_waiting") == 1, 20)
        second.sock.close()
        wait_until(lambda: server.figure("macaw_answers_waiting") == 0, A_SECOND)
        first.sock.close()
        wait_until(lambda: server.figure("macaw_answers_running") == 0, A_SECOND)


def test_too_many_that_wait_are_told_to_come_again(make_server):
    with make_server(rows=1, max_waiting=1) as server, ExitStack() as closed:
        closed.enter_context(closing(begin(server, max_tokens=700)))
        wait_until(lambda: server.figure("macaw_answers_running") == 1, 20)
        # both at once, while the first answer is written: there is room for one of them
        others = [closed.enter_context(closing(begin(server))) for _ in range(2)]
        replies = [connection.getresponse() for connection in others]
        assert sorted(reply.status for reply in replies) == [200, 429]
        told = next(json.load(reply) for reply in replies if reply.status == 429)
        assert told["error"]["code"] == "server_overloaded"
