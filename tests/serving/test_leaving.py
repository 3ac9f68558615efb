"""Clients that leave, and a server that is told to end."""

import http.client
import json
import time

import pytest

BODY = {
    "model": "tiny", "messages": [{"role": "user", "content": "What is this?"}], "max_tokens": 400, "temperature": 1.5,
}  # fmt: skip


def begin(server, **changes):
    """A request whose answer nobody reads."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    body = json.dumps({**BODY, **changes})
    connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
    return connection


def figure(server, name):
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[-1])


def wait_until(holds, seconds):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("stream", [True, False])
def test_the_slot_of_a_client_that_leaves_is_free_within_a_second(server, stream):
    before = figure(server, 'macaw_answers_total{ending="cancelled"}')
    connections = [begin(server, stream=stream, n=2) for _ in range(3)]
    wait_until(lambda: figure(server, "macaw_answers_running") == 6, 10)
    for connection in connections:
        connection.sock.close()
    wait_until(lambda: figure(server, "macaw_answers_running") == 0, 1)
    assert figure(server, 'macaw_answers_total{ending="cancelled"}') == before + 6
