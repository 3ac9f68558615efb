"""Requests as evaluation harnesses send them, demonstrations as earlier turns, and answers that must be numbers."""

import re

import pytest

QUESTION = {"type": "text", "text": "What is this?"}


def images(data_url, *names):
    return [{"type": "image_url", "image_url": {"url": data_url(name)}} for name in names]


def test_vlmevalkits_api_model_is_answered(server, data_url):
    """`OpenAIWrapper.generate_inner` of vlmeval/api/gpt.py: media first, with `detail`, `n` and a key."""
    image = {"type": "image_url", "image_url": {"url": data_url("red.png"), "detail": "low"}}
    body = {
        "model": "tiny", "n": 1, "temperature": 0, "max_tokens": 4,
        "messages": [{"role": "system", "content": "Answer briefly."}, {"role": "user", "content": [image, QUESTION]}],
    }  # fmt: skip
    answer = server.call("POST", "/v1/chat/completions", body, Authorization="Bearer sk-none")
    assert answer.status == 200
    assert isinstance(answer.json["choices"][0]["message"]["content"], str)


@pytest.mark.parametrize("limit", [
    {"max_tokens": 4, "temperature": 0},
    {"max_completion_tokens": 4, "response_format": {"type": "text"}},
])  # fmt: skip
def test_lmms_evals_openai_model_is_answered(server, data_url, limit):
    """`ChatMessages.to_openai_messages` of lmms_eval/protocol.py: every content a list, also the system's."""
    audio = {"type": "audio_url", "audio_url": {"url": data_url("beep.wav")}}
    messages = [
        {"role": "system", "content": [{"type": "text", "text": "Answer briefly."}]},
        {"role": "user", "content": [*images(data_url, "red.png"), audio, QUESTION]},
    ]
    answer = server.call("POST", "/v1/chat/completions", {"model": "tiny", "messages": messages, **limit})
    assert answer.status == 200
    assert answer.json["usage"]["completion_tokens"] <= 4
    assert {one["modality"] for one in answer.json["macaw"]["attachments"]} == {"image", "audio"}


def test_demonstrations_are_earlier_turns_with_media_of_their_own(server, data_url):
    first, second = (images(data_url, "red.png") for _ in range(2))
    turns = [
        {"role": "user", "content": [*first, QUESTION]}, {"role": "assistant", "content": "A cat."},
        {"role": "user", "content": [*second, QUESTION]},
    ]  # fmt: skip
    shown = server.call("POST", "/v1/chat/completions", {"model": "tiny", "messages": turns, "max_tokens": 4})
    alone = server.call("POST", "/v1/chat/completions", {"model": "tiny", "messages": turns[2:], "max_tokens": 4})
    soft = [one.json["usage"]["prompt_tokens_details"]["image_tokens"] for one in (shown, alone)]
    assert soft[0] == 2 * soft[1] > 0


@pytest.mark.parametrize(("kind", "form"), [("number", r" ?[+-]?\d+(\.\d+)?"), ("integer", r" ?[+-]?\d+")])
def test_a_json_schema_of_a_number_keeps_the_answer_to_one(server, kind, form):
    schema = {"type": "json_schema", "json_schema": {"name": "count", "schema": {"type": kind}}}
    answer = server.chat("How many?", response_format=schema, max_tokens=60)
    assert answer.status == 200
    assert re.fullmatch(form, answer.json["choices"][0]["message"]["content"])


@pytest.mark.parametrize("schema", [
    {"type": "json_object"}, {"type": "json_schema"}, {"type": "json_schema", "json_schema": {"schema": []}},
    {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
    {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": ["number"]}}},
])  # fmt: skip
def test_other_forms_of_answers_are_refused(server, schema):
    answer = server.chat(response_format=schema)
    assert answer.status == 400
    assert answer.error["param"] == "response_format"
