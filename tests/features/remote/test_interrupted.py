"""Ctrl-C while a server has stalled, on the real command."""

import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from macaw_cli.quickstart.checkpoints import SHIPPED

ATTEMPTS = 3
"""So that a moment in which another test has the processor does not count."""


class Stalling(BaseHTTPRequestHandler):
    """Answers as `server.stalls` says until there, and then never goes on."""

    def do_HEAD(self):
        if self.server.stalls == "info":
            self.stall()
        self.begin()

    def do_GET(self):
        if self.headers.get("Range") == "bytes=0-0":  # how the driver asks for the size
            self.do_HEAD()
            return
        self.begin()
        if self.path.endswith(".jsonl"):
            self.wfile.write(b'{"path": "a.png"}\n')
        self.wfile.write(b"\x89PNG\r\n\x1a\n")
        self.wfile.flush()
        self.stall()

    def begin(self):
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()

    def stall(self):
        self.server.stalled.set()
        self.server.over.wait(120)

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stalling)
    server.daemon_threads = True
    server.stalled, server.over, server.stalls = threading.Event(), threading.Event(), ""
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(("stalls", "name"), [("info", "a.png"), ("fetch", "a.png"), ("manifest", "a.jsonl")])
def test_ctrl_c_ends_a_stalled_fetch_within_two_seconds(tmp_path, server, stalls, name):
    server.stalls = stalls
    command = [sys.executable, "-m", "macaw_cli", "extract-features", f"http://127.0.0.1:{server.server_port}/{name}",
               "--image-encoder", str(SHIPPED / "clip"), "--out", "features", "--device", "cpu"]  # fmt: skip
    for _ in range(ATTEMPTS):
        told, took = interrupted(command, tmp_path, server)
        if took < 2.0:
            break
    assert took < 2.0, told


def interrupted(command, folder, server):
    """What the command says when Ctrl-C comes during the stall, and the seconds until it has ended."""
    server.stalled.clear()
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, env={**os.environ, "no_proxy": "*"})  # fmt: skip
    try:
        assert server.stalled.wait(200), process.communicate(timeout=1)
        time.sleep(0.5)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=60)
        took = time.monotonic() - began
    finally:
        process.kill()
    assert process.returncode == 130, told
    assert "Traceback" not in told
    return told, took
