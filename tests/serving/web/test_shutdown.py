"""A server that is told to end: running answers end first, for as long as they may."""

import json
import threading
import time

import openai
import pytest

QUESTION = {
    "model": "tiny", "messages": [{"role": "user", "content": "What is this?"}], "max_tokens": 200, "temperature": 0,
}  # fmt: skip


def client_of(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)


def test_an_answer_that_has_begun_is_finished_and_nobody_else_is_let_in(make_server):
    with make_server(grace_s=30) as server, client_of(server) as client, client_of(server) as late:
        stream = client.chat.completions.create(stream=True, **QUESTION)
        pieces = [next(stream).choices[0].delta.content]
        server.web_server.should_exit = True
        pieces += [chunk.choices[0].delta.content or "" for chunk in stream]
        assert len("".join(pieces)) == 200
        with pytest.raises(openai.APIConnectionError):
            late.chat.completions.create(**QUESTION)


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_takes_longer_than_the_grace_ends_with_an_error_in_openais_shape(make_server, stream):
    with make_server(grace_s=0) as server, client_of(server) as client:
        told = []

        def ask():
            try:
                answer = client.chat.completions.create(
                    **{**QUESTION, "max_tokens": 600, "n": 8, "temperature": 2}, stream=stream
                )
                list(answer)
            except openai.APIError as error:
                told.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        while not server.service.answerer.running:
            time.sleep(0.01)
        server.web_server.should_exit = True
        thread.join(30)
        assert json.loads(json.dumps(told[0].body))["code"] == "server_shutting_down"
