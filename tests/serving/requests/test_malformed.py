"""Whatever a client sends, the answer is its answer or OpenAI's error: never a 500, never a library's words."""

import copy
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LIBRARY = re.compile(
    r"Traceback|\.py\b|/proc/|/tmp/|0x[0-9a-f]{6}|pydantic|starlette|torch|PIL|FFmpeg|json\.|Exception|[a-z]Error\b"
)
VALID = {
    "model": "tiny", "temperature": 0, "max_tokens": 2, "n": 1, "seed": 1, "stop": ["x"], "stream": False,
    "logprobs": True, "top_logprobs": 2, "top_p": 1.0,
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [
            {"type": "text", "text": "What?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0="}},
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        ]},
    ],
}  # fmt: skip
RESPONSES = {
    "model": "tiny", "temperature": 0, "max_output_tokens": 2, "instructions": "Be brief.", "stream": False,
    "input": [{"role": "user", "content": [{"type": "input_text", "text": "What?"},
                                           {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0="}]}],
}  # fmt: skip
NAMES = ["type", "text", "role", "content", "url", "data", "image_url"]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8),
    st.sampled_from(["user", "image_url", "video_url", "data:,", "data:a;base64,#", "http://127.0.0.1/", "\ud800"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)


def places(value, place=()):
    """Every place inside a request."""
    yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*place, key))


@st.composite
def malformed(draw, valid):
    """A request of which some places were replaced, removed or added to."""
    body = {"": copy.deepcopy(valid)}
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(list(places(body[""]))))
        target = body
        for key in ("", *place)[:-1]:
            target = target[key]
        key = ("", *place)[-1]
        what = draw(st.sampled_from(["replace", "remove", "add"]))
        if what == "remove" and place:
            del target[key]
        elif what == "add" and isinstance(target[key], dict):
            target[key][draw(st.text(max_size=5))] = draw(VALUES)
        else:
            target[key] = draw(VALUES)
    return body[""]


def require_told(answer):
    """An answer, or an error of the client's in OpenAI's shape, in the server's own words."""
    assert answer.headers["content-type"].startswith("application/json")
    if answer.status != 200:
        assert 400 <= answer.status < 500, answer.content
        assert not LIBRARY.search(answer.error["message"]), answer.error


HARD = settings(max_examples=200, suppress_health_check=list(HealthCheck))


@HARD
@given(body=malformed(VALID))
def test_a_malformed_chat_completion_is_refused_in_openais_shape(server, body):
    require_told(server.call("POST", "/v1/chat/completions", json.dumps(body).encode()))


@HARD
@given(body=malformed(RESPONSES))
def test_a_malformed_response_is_refused_in_openais_shape(server, body):
    require_told(server.call("POST", "/v1/responses", json.dumps(body).encode()))


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
@pytest.mark.parametrize("body", [
    b"", b"null", b"[]", b'"text"', b"{", b"\xff\xfe", b'{"model": "tiny"', b"NaN", b"[" * 100_000,
    b'{"messages":' * 5000, b'{"a":' + b"1" * 100_000 + b"}", b'{"model": "tiny", "messages": [{"role": "user"}]}',
    b'{"model":"tiny","messages":[],"input":[]}', b"\x00" * 1000, b"model=tiny&messages=",
])  # fmt: skip
def test_a_body_that_is_no_request_is_refused(server, path, body):
    answer = server.call("POST", path, body)
    assert answer.status == 400
    require_told(answer)


MEDIA = ("image_url", "audio_url", "video_url")


@pytest.mark.parametrize("kind", MEDIA)
@pytest.mark.parametrize("name", ["red.png", "beep.wav", "film.mp4"])
@pytest.mark.parametrize("damage", ["whole", "half", "byte", "head", "text", "zeros"])
def test_a_medium_that_is_damaged_or_of_another_kind_is_told_by_its_place(
    server, workspace_folder, data_url, kind, name, damage
):
    content = (workspace_folder / "media" / name).read_bytes()
    content = {
        "whole": content, "half": content[: len(content) // 2], "byte": content[:1], "head": content[:40],
        "text": b"#EXTM3U\nfile:///etc/passwd\n", "zeros": bytes(1000),
    }[damage]  # fmt: skip
    answer = server.chat([{"type": kind, kind: {"url": data_url(content)}}, {"type": "text", "text": "What?"}])
    require_told(answer)
    if damage not in ("whole", "half"):
        assert answer.status == 400
        assert answer.error["code"] == "invalid_media"
        assert answer.error["param"] == f"messages[0].content[0].{kind}.url"


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/v1/chat/completions", 405), ("DELETE", "/v1/models", 405), ("GET", "/v1", 404), ("GET", "/docs", 404),
    ("GET", "/openapi.json", 404), ("GET", "/redoc", 404), ("POST", "/v1/embeddings", 404), ("GET", "/page/", 404),
    ("GET", "/page/../service.py", 404), ("GET", "/page/..%2fservice.py", 404), ("GET", "/%00", 404),
    ("POST", "/v1/completions", 404), ("PUT", "/", 405), ("GET", "//etc/passwd", 404), ("OPTIONS", "/v1/models", 405),
])  # fmt: skip
def test_a_path_or_method_that_does_not_exist_is_told_in_openais_shape(server, method, path, status):
    answer = server.call(method, path)
    assert answer.status == status
    require_told(answer)
