"""Questions that wait for their turn when the server ends."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor


def test_questions_whose_prompts_wait_when_the_server_ends_are_told_so(make_server, monkeypatch):
    with make_server() as server, ThreadPoolExecutor(3) as pool:
        local = server.service.answerer._answerer
        begun, go_on, prepare = threading.Event(), threading.Event(), local._request

        def slow(question):
            begun.set()
            assert go_on.wait(20)
            return prepare(question)

        monkeypatch.setattr(local, "_request", slow)
        answers = [pool.submit(server.chat) for _ in range(3)]
        assert begun.wait(20)
        while local.waiting < 3:
            assert not any(answer.done() for answer in answers)
        asyncio.run(local.close())
        go_on.set()
        told = [answer.result(30) for answer in answers]
    assert [answer.status for answer in told] == [503] * 3
    assert {answer.error["code"] for answer in told} == {"server_shutting_down"}
