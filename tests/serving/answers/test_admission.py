"""How many questions are taken at once: free rows count, and who is one too many is told when to come again."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.mark.parametrize(("rows", "waiting"), [(8, 1), (2, 2), (1, 1)])
def test_a_burst_fills_the_rows_and_then_the_places_to_wait(make_server, monkeypatch, rows, waiting):
    taken, more = rows + waiting, 2
    with make_server(rows=rows, max_waiting=waiting) as server, ThreadPoolExecutor(taken + more) as pool:
        local = server.service.answerer._answerer
        go_on, prepare = threading.Event(), local._request

        def slow(question):
            assert go_on.wait(20)
            return prepare(question)

        monkeypatch.setattr(local, "_request", slow)
        answers = [pool.submit(server.chat) for _ in range(taken + more)]
        refused = [answer for answer in answers if _refused_within(answer, answers, more)]
        assert len(refused) == more and server.figure("macaw_answers_waiting") == taken
        go_on.set()
        told = [answer.result(30) for answer in answers]
        assert sorted(answer.status for answer in told) == [200] * taken + [429] * more
        for answer in told:
            assert answer.headers["Retry-After"] == (None if answer.status == 200 else "1")
        assert server.figure('macaw_answers_total{ending="refused"}') == more
        assert server.figure('macaw_answers_total{ending="failed"}') == 0


def _refused_within(answer, answers, count):
    """Whether an answer is there, once as many are as are refused."""
    import time

    deadline = time.monotonic() + 20
    while sum(one.done() for one in answers) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return answer.done()


def test_a_conversation_that_is_too_long_is_refused_and_has_not_failed(server):
    before = server.figure('macaw_answers_total{ending="failed"}')
    assert server.chat("long " * 5000).error["code"] == "context_length_exceeded"
    assert server.figure('macaw_answers_total{ending="failed"}') == before


def test_bodies_that_are_one_too_many_are_told_when_to_come_again(make_server):
    with make_server(max_pending_megabytes=1) as server:
        answer = server.call("POST", "/v1/responses", b" " * 1_500_000)
        assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
