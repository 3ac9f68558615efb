"""What goes wrong in the server itself is told in OpenAI's shape, and blames no client."""

import json

import openai
import pytest
import torch

from macaw_cli.basics.errors import MismatchError
from macaw_cli.serving.answers.answering import Piece


class Failing:
    """An `Answerer` that breaks after its first piece."""

    running = waiting = 0

    async def submit(self, question):
        yield Piece("red")
        raise KeyError("secret")

    async def close(self):
        pass


@pytest.fixture(scope="module")
def broken(make_server):
    """A server whose answers and encoders fail."""
    with make_server() as server:
        model, server.service.answerer = server.service.answerer, Failing()
        yield server
        server.service.answerer = model


def test_a_bug_within_a_stream_is_its_last_event(broken, capfd):
    with openai.OpenAI(base_url=f"{broken.url}/v1", api_key="none", max_retries=0) as client:
        stream = client.chat.completions.create(
            model="tiny", messages=[{"role": "user", "content": "What?"}], stream=True
        )
        with pytest.raises(openai.APIError) as told:
            list(stream)
        events = list(client.responses.create(model="tiny", input="What?", stream=True))
    assert told.value.code == "internal_error" and "secret" not in str(told.value)
    assert events[-1].type == "response.failed" and "secret" not in events[-1].to_json()


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("of 3 GiB"), MismatchError("another encoder"), OSError("x")])
def test_an_encoder_that_fails_is_the_clients_fault_only_where_the_file_is(broken, data_url, monkeypatch, error):
    def encode(*_):
        raise error

    monkeypatch.setattr(broken.service.media._attacher, "encode", encode)
    content = [{"type": "image_url", "image_url": {"url": data_url("red.png")}}]
    answer = broken.chat(content)
    is_file = isinstance(error, OSError)
    assert answer.status == (400 if is_file else 500)
    assert answer.json["error"]["code"] == ("invalid_media" if is_file else "internal_error")
    assert str(error) not in json.dumps(answer.json) or is_file
    assert broken.call("GET", "/health").status == 200


def test_a_path_with_a_slash_behind_it_is_no_redirect(broken):
    """A redirect would name whatever the Host header says, and lose the body with some clients."""
    assert broken.call("POST", "/v1/chat/completions/", {"model": "tiny"}).error["code"] == "not_found"
    assert broken.call("GET", "/health/").status == 404
