"""What went wrong in other servers of this kind, each as a request to this one."""

import base64
import io
import json
import pickle
import socket
import struct
import time
import zlib

import av
import numpy as np
import pytest
import torch
from PIL import Image

KEY = "key-of-the-test"
TEXT = {"type": "text", "text": "What is this?"}


@pytest.fixture(scope="module")
def guarded(make_server):
    """A server with a key, and with small limits."""
    with make_server(
        KEY, max_request_megabytes=1, max_media=4, max_megapixels=0.01, max_media_seconds=2.0, max_frames=20,
        request_timeout_s=1.0, allow_remote_media=True, remote_timeout_s=2.0, decode_timeout_s=5.0,
    ) as started:  # fmt: skip
        yield started


def ask(server, *parts, key=KEY):
    body = {"model": "tiny", "max_tokens": 2, "messages": [{"role": "user", "content": [*parts, TEXT]}]}
    return server.call("POST", "/v1/chat/completions", body, Authorization=f"Bearer {key}")


def part(kind, url):
    return {"type": kind, kind: {"url": url}}


def test_vllm_cve_2025_6242_media_are_not_fetched_unless_the_server_is_told_to(server):
    with socket.create_server(("127.0.0.1", 0)) as inner:
        inner.settimeout(0.2)
        answer = server.chat([part("image_url", f"http://127.0.0.1:{inner.getsockname()[1]}/"), TEXT])
        assert (answer.status, answer.error["code"]) == (400, "remote_media_not_allowed")
        with pytest.raises(TimeoutError):
            inner.accept()


@pytest.mark.parametrize("kind", ["image_url", "audio_url", "video_url", "input_image", "input_audio", "input_video"])
def test_vllm_57157_and_43117_the_inner_network_is_not_reached_by_any_kind_of_part(guarded, kind):
    with socket.create_server(("127.0.0.1", 0)) as inner:
        inner.settimeout(0.2)
        answer = ask(guarded, part(kind, f"http://127.0.0.1:{inner.getsockname()[1]}/"))
        assert (answer.status, answer.error["code"]) == (400, "url_not_allowed")
        with pytest.raises(TimeoutError):
            inner.accept()


@pytest.mark.parametrize("url", [
    "http://169.254.169.254/latest/meta-data", "http://[::1]:80/", "http://0/", "http://2130706433/",
    "http://public.example\\@127.0.0.1/", "http://127.0.0.1\\@public.example/", "http://a@127.0.0.1/",
])  # fmt: skip
def test_vllm_cve_2026_24779_a_url_that_two_parsers_read_differently_leads_nowhere(guarded, url):
    answer = ask(guarded, part("image_url", url))
    assert answer.status == 400
    assert answer.error["code"] in ("url_not_allowed", "invalid_url")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "/etc/passwd", "ftp://127.0.0.1/a", "red.png", "s3://bucket/key"])
def test_vllm_43117_and_transformers_serve_read_no_file_of_the_server(guarded, url):
    answer = ask(guarded, part("image_url", url))
    assert (answer.status, answer.error["code"]) == (400, "invalid_url")


def test_vllm_cve_2026_5497_many_images_in_one_data_url_are_no_video(guarded):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG")
    jpeg = base64.b64encode(buffer.getvalue()).decode()
    answer = ask(guarded, part("video_url", "data:video/jpeg;base64," + ",".join([jpeg] * 300)))
    assert (answer.status, answer.error["code"]) == (400, "invalid_base64")


def png_of(width, height):
    """A PNG of a few bytes that claims to be large."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(200, 60), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_vllm_cve_2026_5497_an_image_is_measured_before_it_is_unpacked(guarded, data_url, size):
    answer = ask(guarded, part("image_url", data_url(png_of(*size))))
    assert answer.status == 400
    assert answer.error["code"] == ("media_too_large" if size[0] < 2**31 - 1 else answer.error["code"])


def video_of(frames, width, height, rate):
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for _ in range(frames):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((height, width, 3), np.uint8), format="rgb24")))
        out.mux(stream.encode())
    return buffer.getvalue()


@pytest.mark.parametrize(("frames", "width", "rate"), [(30, 64, 30), (10, 256, 30), (6, 64, 2)])
def test_vllm_cve_2026_5497_a_video_has_limits_of_frames_pixels_and_seconds(guarded, data_url, frames, width, rate):
    answer = ask(guarded, part("video_url", data_url(video_of(frames, width, 64, rate))))
    assert (answer.status, answer.error["code"]) == (400, "media_too_large")


def test_audio_has_a_limit_of_seconds(guarded, data_url):
    samples = np.zeros(16_000 * 3, np.int16).tobytes()
    kind = struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
    header = b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVEfmt " + kind
    answer = ask(guarded, part("audio_url", data_url(header + b"data" + struct.pack("<I", len(samples)) + samples)))
    assert (answer.status, answer.error["code"]) == (400, "media_too_large")


def test_a_request_has_a_limit_of_media(guarded, data_url):
    answer = ask(guarded, *[part("image_url", data_url(png_of(4, 4)))] * 5)
    assert (answer.status, answer.error["code"]) == (400, "too_many_media")


def test_a_body_has_a_limit_whether_it_tells_its_length_or_not(guarded):
    headers = f"Host: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
    for length in ("Content-Length: 99999999\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"):
        with socket.create_connection(guarded.address) as client:
            client.sendall(f"POST /v1/chat/completions HTTP/1.1\r\n{headers}{length}".encode())
            if "chunked" in length:
                for _ in range(30):
                    client.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
            assert b" 413 " in client.recv(1000).split(b"\r\n")[0]


def test_bodies_that_wait_together_have_a_limit(make_server):
    with make_server(max_pending_megabytes=1) as small, socket.create_connection(small.address) as first:
        first.sendall(b"POST /v1/responses HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900001\r\n\r\n")
        first.sendall(b" " * 900_000)
        time.sleep(0.5)
        answer = small.call("POST", "/v1/chat/completions", b" " * 500_000)
        assert (answer.status, answer.error["code"]) == (429, "server_overloaded")
        first.close()
        time.sleep(0.5)
        assert small.call("POST", "/v1/chat/completions", b" " * 500_000).status == 400


def test_a_client_that_sends_its_body_byte_by_byte_is_not_waited_for(guarded):
    with socket.create_connection(guarded.address) as client:
        head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 100\r\n\r\n"
        client.sendall(f"POST /v1/chat/completions HTTP/1.1\r\n{head}{{".encode())
        client.settimeout(10)
        assert b" 408 " in client.recv(1000).split(b"\r\n")[0]


def test_vllm_cve_2026_22778_what_a_library_says_of_a_file_reaches_no_client(guarded, data_url):
    answer = ask(guarded, part("image_url", data_url(b"GIF89a" + bytes(20))))
    assert answer.status == 400
    place, said = answer.error["message"].split(" cannot be read as an image file: ")
    assert place == "messages[0].content[0].image_url.url"
    assert said == "it is damaged, of an unknown format, or takes too long to decode."


def test_vllm_cve_2026_22773_a_decoder_that_does_not_come_back_is_ended_and_the_server_goes_on(make_server, data_url):
    with make_server(decode_timeout_s=0.001) as impatient:
        answer = impatient.chat([part("image_url", data_url("red.png")), TEXT])
        assert (answer.status, answer.error["code"]) == (400, "invalid_media")
        assert impatient.chat().status == 200


class Malicious:
    """Prints a word where it is unpickled."""

    def __reduce__(self):
        return (print, ("unpickled",))


@pytest.mark.parametrize("kind", ["image_embeds", "prompt_embeds", "input_embeds"])
def test_vllm_cve_2025_62164_embeddings_are_no_part_of_this_api(guarded, capfd, kind):
    buffer = io.BytesIO()
    torch.save({"a": Malicious()}, buffer)
    answer = ask(guarded, {"type": kind, "data": base64.b64encode(buffer.getvalue()).decode()})
    assert (answer.status, answer.error["param"]) == (400, "messages[0].content[0].type")
    asked = {"model": "tiny", kind: base64.b64encode(buffer.getvalue()).decode()}
    for path, question in (("/v1/chat/completions", "messages"), ("/v1/responses", "input")):
        for body in (asked, asked | {question: [{"role": "user", "content": "What?"}]}):  # without a question as well
            answer = guarded.call("POST", path, body, Authorization=f"Bearer {KEY}")
            assert (answer.status, answer.error["param"], answer.error["code"]) == (400, kind, "unknown_parameter")
    for path in ("/v1/completions", "/v1/embeddings", "/v1/tokenize"):
        assert guarded.call("POST", path, asked, Authorization=f"Bearer {KEY}").status == 404
    assert "unpickled" not in capfd.readouterr().out


@pytest.mark.parametrize("kind", ["image_url", "audio_url", "video_url"])
def test_sglang_cve_2026_3059_and_torch_cve_2026_24747_nothing_a_client_sends_is_unpickled(
    guarded, data_url, capfd, kind
):
    buffer = io.BytesIO()
    torch.save(Malicious(), buffer)
    for content in (pickle.dumps(Malicious()), buffer.getvalue()):
        assert ask(guarded, part(kind, data_url(content))).status == 400
    assert "unpickled" not in capfd.readouterr().out


@pytest.mark.parametrize("text", [
    "{{ 7 * 7 }}", "{% for a in range(10**9) %}x{% endfor %}", "{{ ''.__class__.__mro__ }}",
])  # fmt: skip
def test_sglang_cve_2026_5760_a_template_in_a_message_is_text(server, text):
    plain = server.chat("x" * len(text.encode()))
    answer = server.chat(text)
    assert answer.status == 200
    assert answer.json["usage"]["prompt_tokens"] == plain.json["usage"]["prompt_tokens"]


@pytest.mark.parametrize("text", ["<s>", "</s>", "a</s>b", "<image>", "</image>", "<s></s><s>"])
def test_special_tokens_that_a_user_types_are_text(server, text):
    """Each byte is a token of this tokenizer, and a control token would be one alone."""
    typed, plain = (server.chat(one).json["usage"]["prompt_tokens"] for one in (text, "x" * len(text)))
    assert typed == plain


def test_gradio_cve_2026_28416_and_transformers_serve_there_is_no_route_that_loads_or_changes_anything(guarded):
    paths = (
        "/load_model", "/reset", "/v1/load_model", "/gradio_api/proxy", "/proxy=http://127.0.0.1/", "/config",
        "/reload", "/invocations", "/tokenize", "/detokenize", "/pause", "/v1/files", "/debug", "/docs",
    )  # fmt: skip
    for path in paths:
        for method in ("GET", "POST"):
            assert guarded.call(method, path, {}).status == 401
            assert guarded.call(method, path, {}, Authorization=f"Bearer {KEY}").status in (404, 405)


def test_vllm_the_key_covers_every_route_but_health_and_the_page_that_holds_no_data(guarded):
    open_paths, closed = [], []
    for route in guarded.web_server.config.app._app.routes:
        path = route.path.replace("{name:path}", "tiny").replace("{name}", "style.css")
        for method in ("GET", "POST", "HEAD"):
            for given in ("", "Bearer wrong", KEY, f"Basic {KEY}"):
                status = guarded.call(method, path, Authorization=given).status
                (closed if status == 401 else open_paths).append(path)
    assert set(open_paths) == {"/", "/page/style.css", "/health"}
    assert {"/v1/chat/completions", "/v1/responses", "/v1/models", "/v1/models/tiny", "/metrics"} <= set(closed)
    assert guarded.call("GET", "/v1/models", Authorization=f"bearer {KEY}").status == 200
    assert guarded.call("GET", "/v1/models").error["code"] == "invalid_api_key"


@pytest.mark.parametrize("path", [
    "/page/..%2f..%2frun.py", "/page/%2e%2e/run.py", "/page/__init__.py", "/page/.", "/page/run.py",
])  # fmt: skip
def test_llama_factory_a_path_leads_to_no_other_file(server, path):
    assert server.call("GET", path).status == 404


def test_a_page_of_the_web_cannot_use_a_name_of_its_own_that_leads_here(server):
    """DNS rebinding: the browser believes that it talks to the page's own server."""
    port = server.place.rpartition(":")[2]
    assert server.call("GET", "/v1/models", Host=f"evil.example:{port}").error["code"] == "host_not_allowed"
    assert server.call("GET", "/health", Host="evil.example").status == 403
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", "[::1]"):
        assert server.call("GET", "/v1/models", Host=host).status == 200


def test_a_page_of_the_web_cannot_send_requests_here_nor_read_answers(server):
    answer = server.call("POST", "/v1/chat/completions", {}, Origin="https://evil.example", Content_Type="text/plain")
    assert answer.error["code"] == "origin_not_allowed"
    assert server.call("GET", "/v1/models", Origin="null").status == 403
    own = server.call("GET", "/v1/models", Origin=server.url)
    assert own.status == 200
    assert not [name for name in own.headers if name.lower().startswith("access-control")]


def test_a_name_that_the_settings_allow_may_be_used(make_server):
    with make_server(allowed_hosts=("llm.example",)) as named:
        assert named.call("GET", "/v1/models", Host="llm.example").status == 200
        assert named.call("GET", "/v1/models", Host="evil.example").status == 403


def test_the_page_may_load_nothing_from_elsewhere_and_nothing_is_guessed(server):
    page = server.call("GET", "/")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    policy = dict(one.strip().split(" ", 1) for one in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    for path in ("/", "/page/style.css", "/health", "/v1/models", "/nowhere"):
        answer = server.call("GET", path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "server" not in answer.headers


def test_wrong_keys_take_as_long_as_right_ones_to_compare(guarded):
    """The comparison is `secrets.compare_digest`; here: keys of any length and letters are compared at all."""
    for key in ("", "k", KEY[:-1], KEY + "x", "schlüssel", "\x7f" * 2000):
        given = f"Bearer {key}".encode("latin-1", "replace")
        assert guarded.call("GET", "/v1/models", Authorization=given).status == 401


def test_headers_that_are_too_large_are_refused(guarded):
    with socket.create_connection(guarded.address) as client:
        client.settimeout(10)
        client.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 100_000)
        assert b" 400 " in client.recv(1000)


def test_diskcache_cve_2025_69872_nothing_is_kept_on_the_disk(guarded, data_url, tmp_path_factory):
    import tempfile
    from pathlib import Path

    folder = Path(tempfile.gettempdir())
    before = set(folder.glob("macaw-serve*"))
    ask(guarded, part("image_url", data_url("red.png")))
    assert set(folder.glob("macaw-serve*")) == before


def test_time_of_a_refusal_is_short(guarded):
    began = time.monotonic()
    for _ in range(20):
        guarded.call("POST", "/v1/chat/completions", json.dumps({"messages": [[]] * 1000}).encode())
    assert time.monotonic() - began < 10
