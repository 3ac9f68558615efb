"""A server on the tiny model, listening for real, in a thread of this process."""

import base64
import http.client
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from macaw_cli.config.loading import open_workspace
from macaw_cli.config.serve_settings import ServeSettings
from macaw_cli.serving.run import service_of
from macaw_cli.serving.web.listening import listening_socket
from macaw_cli.serving.web.web_server import WebServer


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Any
    content: bytes

    @property
    def json(self):
        return json.loads(self.content)

    @property
    def error(self):
        """OpenAI's error object, checked."""
        assert set(self.json) == {"error"}
        error = self.json["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert isinstance(error["message"], str)
        assert error["message"]
        assert error["type"] in KINDS[self.status]
        return error


KINDS = {
    400: ("invalid_request_error",), 401: ("authentication_error",), 403: ("permission_error",),
    404: ("not_found_error",), 405: ("invalid_request_error",), 408: ("invalid_request_error",),
    413: ("invalid_request_error",), 429: ("rate_limit_error",), 503: ("server_error",),
}  # fmt: skip


class Server:
    """A running server, and plain requests to it."""

    def __init__(self, web_server):
        self.web_server, self.url = web_server, web_server.url
        self.service = web_server.service
        self.place = self.url.removeprefix("http://")
        host, _, port = self.place.rpartition(":")
        self.address = host, int(port)

    def call(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection(self.place, timeout=60)
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} | {name.replace("_", "-"): one for name, one in headers.items()}
        try:
            connection.request(method, path, content, given)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def chat(self, content="What is this?", path="/v1/chat/completions", **fields):
        """A chat completion of two tokens, with whatever fields are given."""
        message = {"role": "user", "content": content}
        body = {"model": "tiny", "messages": [message], "max_tokens": 2, "temperature": 0, **fields}
        return self.call("POST", path, body)

    def figure(self, name):
        lines = self.call("GET", "/metrics").content.decode().splitlines()
        return float(next(line for line in lines if line.startswith(f"{name} ")).split()[-1])


@contextmanager
def running(service, settings, key=None):
    """Serve at a free port."""
    with listening_socket(settings) as listening:
        server = WebServer(service, settings, listening, key)
        thread = threading.Thread(target=server.run_here)
        thread.start()
        try:
            yield Server(server)
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive()


@pytest.fixture(scope="session")
def make_server(workspace_folder):
    """`make_server(key=None, **settings)`: a context manager with a server of its own on the tiny model; `model` names
    another one, in a workspace of its own."""

    def make(key=None, model=workspace_folder / "runs/tiny", **changes):
        workspace = open_workspace(model.parents[1])
        settings = replace(ServeSettings(port=0, grace_s=2), **changes)
        workspace = replace(workspace, settings=replace(workspace.settings, serve=settings))
        return running(service_of(workspace, model), settings, key)

    return make


@pytest.fixture(scope="session")
def server(make_server):
    """A server without a key, shared by tests that change nothing of it."""
    with make_server() as started:
        yield started


@pytest.fixture(scope="session")
def data_url(workspace_folder):
    """`data_url(name)`: a file of the workspace's media, or bytes, as a data URL."""

    def make(content, kind="application/octet-stream"):
        if isinstance(content, str):
            content = (workspace_folder / "media" / content).read_bytes()
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"

    return make
