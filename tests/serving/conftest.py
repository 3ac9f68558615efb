"""A server on the tiny model, listening for real, in a thread of this process."""

import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest

from macaw_cli.config.loading import open_workspace
from macaw_cli.config.serve_settings import ServeSettings
from macaw_cli.serving.listening import listening_socket
from macaw_cli.serving.run import service_of
from macaw_cli.serving.web_server import WebServer


@contextmanager
def running(service, settings, key=None):
    """Serve at a free port; gives the `WebServer`."""
    with listening_socket(settings) as listening:
        server = WebServer(service, settings, listening, key)
        thread = threading.Thread(target=server.run_here)
        thread.start()
        try:
            yield server
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive()


@pytest.fixture(scope="session")
def make_server(workspace_folder):
    """`make_server(key=None, **settings)`: a context manager with a server of its own on the tiny model."""

    def make(key=None, **changes):
        workspace = open_workspace(workspace_folder)
        settings = replace(ServeSettings(port=0, grace_s=2), **changes)
        workspace = replace(workspace, settings=replace(workspace.settings, serve=settings))
        return running(service_of(workspace, workspace_folder / "runs/tiny"), settings, key)

    return make


@pytest.fixture(scope="session")
def server(make_server):
    """A server without a key, shared by tests that change nothing of it."""
    with make_server() as started:
        yield started
