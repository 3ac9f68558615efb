"""Streams of a backend as a vLLM writes them, and as one that breaks does: the replies have OpenAI's shape."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
import pytest

from macaw_cli.config.backend_settings import BackendSettings

LIKELY = {"red": -0.1, " blue": -2.5, "green": None}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._json({"object": "list", "data": [{"id": "stock", "object": "model", "created": 0, "owned_by": "me"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        chat = self.path.endswith("/chat/completions")
        if not body.get("stream"):
            self._json(chunk(chat, "", "length"))
            return
        self.server.asked.append(body)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        for one in self.server.chunks(chat):
            if isinstance(one, threading.Event):
                one.wait(10)
                return
            if one is None:  # breaks off within a piece
                self.wfile.write(b"ff\r\ndata: {")
                return
            text = one if isinstance(one, str) else f"data: {json.dumps(one)}\n\n"
            self.wfile.write(f"{len(text):x}\r\n{text}\r\n".encode())
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _json(self, content):
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(data)


def chunk(chat, text, reason=None, logprobs=None):
    own = {"delta": {"content": text}, "message": {"role": "assistant", "content": text}} if chat else {"text": text}
    choice = {"index": 0, **own, "finish_reason": reason, "logprobs": logprobs}
    kind = "chat.completion.chunk" if chat else "text_completion"
    return {"id": "1", "object": kind, "created": 0, "model": "stock", "choices": [choice]}


def of_two_tokens(chat):
    """One chunk of two tokens, as vLLM writes them where it is asked for the likeliest one."""
    if chat:
        top = [{"token": text, "logprob": one or -9999.0, "bytes": list(text.encode())} for text, one in LIKELY.items()]
        content = [{"token": text, "logprob": LIKELY[text], "bytes": list(text.encode()), "top_logprobs": top[:1]}
                   for text in ("red", " blue")]  # fmt: skip
        yield chunk(True, "red blue", None, {"content": content})
    else:
        others = {"red": -0.1, " blue": -2.5}  # the token itself is among them, though it is not the likeliest
        yield chunk(False, "red blue", None, {
            "tokens": ["red", " blue"], "token_logprobs": [-0.1, -2.5], "top_logprobs": [{"red": -0.1}, others],
            "text_offset": [0, 3],
        })  # fmt: skip
    yield chunk(chat, "", "stop")
    yield "data: [DONE]\n\n"


@contextmanager
def backend(chunks):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.chunks, server.asked = chunks, []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", server.asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def asked_through(make_server, chunks, **settings):
    """A client of a server whose backend writes these chunks, and what the backend is sent."""
    with (
        backend(chunks) as (url, bodies),
        make_server(backend=BackendSettings(url=url, **settings)) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client, bodies


def ask(client, **options):
    messages = [{"role": "user", "content": "What?"}]
    return client.chat.completions.create(model="tiny", messages=messages, max_tokens=2, **options)


@pytest.mark.parametrize(("prompts", "top"), [("chat", 1), ("completions", 1), ("completions", 0)])
def test_probabilities_of_the_backend_are_told_as_openai_does(make_server, prompts, top):
    with asked_through(make_server, of_two_tokens, prompts=prompts) as (client, bodies):
        choice = ask(client, logprobs=True, top_logprobs=top).choices[0]
        pieces = [one.choices[0] for one in ask(client, logprobs=True, top_logprobs=top, stream=True)]
        told = client.responses.create(model="tiny", input="What?", include=["message.output_text.logprobs"],
                                       top_logprobs=top or openai.omit)  # fmt: skip
    wanted = {"logprobs": True, "top_logprobs": top} if prompts == "chat" else {"logprobs": top}
    assert {name: bodies[0][name] for name in wanted} == wanted
    tokens = choice.logprobs.content
    assert choice.message.content == "red blue" and [one.token for one in tokens] == ["red", " blue"]
    assert [one.logprob for one in tokens] == [-0.1, -2.5]
    assert [bytes(one.bytes).decode() for one in tokens] == ["red", " blue"]
    assert [[other.token for other in one.top_logprobs] for one in tokens] == [["red"] * top] * 2
    streamed = [token for piece in pieces if piece.logprobs for token in piece.logprobs.content]
    assert [one.to_dict() for one in streamed] == [one.to_dict() for one in tokens]
    assert [one.logprob for one in told.output[0].content[0].logprobs] == [-0.1, -2.5]


BROKEN = {
    "breaks off within a piece": lambda chat: [chunk(chat, "red"), None],
    "no JSON": lambda chat: [chunk(chat, "red"), "data: <html>secret</html>\n\n"],
    "an error": lambda chat: [chunk(chat, "red"), {"error": {"message": "secret", "code": 500}}],
    "another shape": lambda chat: [chunk(chat, "red"), {"choices": [{"delta": 1, "text": 1, "logprobs": 3}]}],
    "no end": lambda chat: [chunk(chat, "red"), "data: [DONE]\n\n"],
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_stream_that_breaks_is_the_backends_fault(make_server, fault, capfd):
    with asked_through(make_server, BROKEN[fault]) as (client, _):
        with pytest.raises(openai.InternalServerError) as told:
            ask(client)
        assert told.value.status_code == 502 and told.value.body["code"] == "backend_error"
        with pytest.raises(openai.APIError) as streamed:
            list(ask(client, stream=True))
        events = list(client.responses.create(model="tiny", input="What?", stream=True))
    assert streamed.value.code == "backend_error" and "secret" not in f"{told.value}{streamed.value}"
    assert events[-1].type == "response.failed"


def test_a_backend_that_falls_silent_within_an_answer_is_given_up(make_server):
    silence = threading.Event()
    with asked_through(make_server, lambda chat: [chunk(chat, "red"), silence], timeout_s=0.3) as (client, _):
        with pytest.raises(openai.InternalServerError) as told:
            ask(client)
        silence.set()
    assert told.value.status_code == 504 and told.value.body["code"] == "backend_timeout"
