"""All that the server replies fits the types of OpenAI's own package, field by field."""

import json

import pytest
from openai.types import Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

OPTIONS = [{}, {"n": 2}, {"logprobs": True, "top_logprobs": 2}, {"stop": "e"}, {"temperature": 1, "seed": 3}]
OF_RESPONSES = [
    {}, {"instructions": "Be brief.", "metadata": {"a": "b"}, "temperature": 0.5, "top_p": 0.9},
    {"include": ["message.output_text.logprobs"], "top_logprobs": 2}, {"max_output_tokens": 40},
]  # fmt: skip


def checked(kind, value):
    """The value as the type reads it, which takes no text for a number and no absent field."""
    return TypeAdapter(kind).validate_json(json.dumps(value), strict=True)


def events(answer):
    lines = [line.removeprefix("data: ") for line in answer.content.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


@pytest.mark.parametrize("options", OPTIONS)
def test_chat_completions(server, options):
    whole = checked(ChatCompletion, server.chat(max_tokens=6, **options).json)
    raw = server.chat(max_tokens=6, stream=True, stream_options={"include_usage": True}, **options)
    assert raw.headers["Content-Type"].startswith("text/event-stream") and raw.content.endswith(b"data: [DONE]\n\n")
    chunks = [checked(ChatCompletionChunk, event) for event in events(raw)]
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens  # more of it is cached by now
    for number, choice in enumerate(whole.choices):
        own = [one for chunk in chunks for one in chunk.choices if one.index == number]
        assert own[0].delta.role == "assistant" and all(one.delta.role is None for one in own[1:])
        assert "".join(one.delta.content or "" for one in own) == choice.message.content
        assert [one.finish_reason for one in own] == [None] * (len(own) - 1) + [choice.finish_reason]
        tokens = [token for one in own if one.logprobs for token in one.logprobs.content]
        assert tokens == (choice.logprobs.content if choice.logprobs else [])
        if "stop" not in options and tokens:
            assert b"".join(bytes(token.bytes) for token in tokens).decode(errors="ignore") in choice.message.content


@pytest.mark.parametrize("options", OF_RESPONSES)
def test_responses(server, options):
    body = {"model": "tiny", "input": "What is this?", "max_output_tokens": 6, "temperature": 0, **options}
    whole = checked(Response, server.call("POST", "/v1/responses", body).json)
    streamed = server.call("POST", "/v1/responses", body | {"stream": True})
    found = [checked(ResponseStreamEvent, one) for one in events(streamed)]
    kinds = [event.type for event in found]
    assert [event.sequence_number for event in found] == list(range(len(found)))
    assert kinds[:4] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
    ]  # fmt: skip
    assert kinds[-4:-1] == ["response.output_text.done", "response.content_part.done", "response.output_item.done"]
    assert set(kinds[4:-4]) == {"response.output_text.delta"} and kinds[-1] == f"response.{whole.status}"
    last = found[-1].response
    if not options.get("temperature"):
        assert last.output_text == whole.output_text == "".join(event.delta for event in found[4:-4])
    assert (last.status == "incomplete") == (last.incomplete_details is not None)
    assert last.output[0].status == last.status
    assert len({event.response.id for event in found if hasattr(event, "response")}) == 1


def test_models(server):
    (listed,) = server.call("GET", "/v1/models").json["data"]
    assert checked(Model, listed) == checked(Model, server.call("GET", "/v1/models/tiny").json)
