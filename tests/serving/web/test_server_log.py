"""The log says of every request what became of it, and why one was refused; clients read nothing of a library."""

import http.client
import logging

import pytest


@pytest.fixture
def log(caplog):
    """`log()`: the lines so far."""
    caplog.set_level(logging.INFO, logger="macaw_cli.serving")
    return lambda: [record.getMessage() for record in caplog.records if record.name.startswith("macaw_cli.serving")]


def cut_in_half(data_url, name, kind):
    import base64

    url = data_url(name)
    content = base64.b64decode(url.partition(",")[2])
    return data_url(content[: len(content) // 2], kind)


def medium(kind, url):
    return [{"type": kind, kind: {"url": url}}, {"type": "text", "text": "What?"}]


def test_a_damaged_file_is_told_from_one_of_another_kind_and_the_log_has_the_decoders_reason(server, data_url, log):
    damaged = server.chat(medium("video_url", cut_in_half(data_url, "film.mp4", "video/mp4"))).error
    other = server.chat(medium("image_url", data_url("beep.wav"))).error
    text = server.chat(medium("audio_url", data_url(b"WEBVTT and other words"))).error
    assert {one["code"] for one in (damaged, other, text)} == {"invalid_media"}
    assert "damaged" in damaged["message"]
    assert "an image file: its content is audio" in other["message"]
    assert "an audio file: its content is text" in text["message"]
    place = "messages[0].content[0].video_url.url cannot be used: "
    (reason,) = [line.removeprefix(place) for line in log() if line.startswith(place)]
    assert reason.startswith("medium") and len(reason) > 20
    assert reason not in damaged["message"]
    assert [line.startswith("POST /v1/chat/completions: 400 after ") for line in log()].count(True) == 3
    assert sum(line.endswith(damaged["message"]) for line in log()) == 1


def test_a_line_has_the_path_that_was_asked_for_and_why_it_was_refused(server, log):
    server.call("GET", "/v1/models/of-others")
    server.call("GET", "/v1/nothing")
    server.call("DELETE", "/v1/models")
    server.chat(temperature=3)
    server.call("GET", "/v1/models")
    lines = log()
    assert [line.partition(",")[0].partition(" after")[0] for line in lines] == [
        "GET /v1/models/of-others: 404", "GET /v1/nothing: 404", "DELETE /v1/models: 405",
        "POST /v1/chat/completions: 400", "GET /v1/models: 200",
    ]  # fmt: skip
    assert "temperature" in lines[3]
    assert all(", " in line for line in lines[:4]) and ", " not in lines[4]


def test_what_is_refused_for_its_key_host_or_origin_is_logged_without_what_was_sent(make_server, log):
    with make_server(key="the-right-key") as guarded:
        assert guarded.call("GET", "/v1/models", Authorization="Bearer a-wrong-secret").status == 401
        assert guarded.call("GET", "/v1/models", Host="evil.example").status == 403
        assert guarded.call("GET", "/v1/models", Origin="http://evil.example").status == 403
    lines = log()
    assert [line.partition(",")[0] for line in lines] == [
        "GET /v1/models: 401", "GET /v1/models: 403", "GET /v1/models: 403",
    ]  # fmt: skip
    assert not any("secret" in line or "right" in line for line in lines)


def test_a_fetch_that_fails_is_logged_with_its_cause(make_server, log):
    with make_server(allow_remote_media=True) as server:
        answer = server.chat(medium("image_url", "http://no.such.host.invalid/x.png"))
    assert answer.error["code"] == "media_not_fetched"
    place = "messages[0].content[0].image_url.url"
    (line,) = [line for line in log() if line.startswith(f"{place} was not fetched: ")]
    assert "gaierror" in line and "gaierror" not in answer.error["message"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_a_client_that_leaves_its_stream_is_one_line_and_no_traceback(server, caplog, log, path):
    import json
    import time

    body = {"model": "tiny", "stream": True, "temperature": 1.5}
    body |= {"messages": [{"role": "user", "content": "What?"}], "max_tokens": 700} if "chat" in path else {
        "input": "What?", "max_output_tokens": 700,
    }  # fmt: skip
    connection = http.client.HTTPConnection(server.place, timeout=30)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    with connection.getresponse() as response:
        assert response.read(20)
    connection.close()
    deadline = time.monotonic() + 30
    while not any("left its stream" in line for line in log()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    left = next(line for line in log() if "left its stream" in line)
    assert left.startswith(f"POST {path}: the client left its stream after ")
    assert not any(record.exc_info or record.levelno >= logging.WARNING for record in caplog.records)
