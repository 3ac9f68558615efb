"""Fetching what a URL names, from a real server of the test's own."""

import socket
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from macaw_cli.serving.media.public_addresses import is_public
from macaw_cli.serving.media.remote_media import FetchLimits, NotFetched, fetch


class Pages(BaseHTTPRequestHandler):
    """`/file`, `/redirect/...`, `/large`, `/slow`, `/cut`."""

    def do_GET(self):
        self.server.seen.append((self.headers["Host"], self.path))
        if self.path == "/file?a=b%20c":
            self.answer(200, b"content")
        elif self.path.startswith("/redirect/"):
            self.answer(302, b"", Location=self.path.removeprefix("/redirect/"))
        elif self.path == "/large":
            self.answer(200, bytes(200_000))
        elif self.path == "/slow":
            self.send_response(200)
            self.end_headers()
            for _ in range(50):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.1)
        elif self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"not all of it")
        else:
            self.answer(404, b"")

    def answer(self, status, content, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *words):
        pass

    def handle(self):
        with suppress(OSError):  # the client has cut the connection, as it should
            super().handle()


@contextmanager
def listening(host):
    server = ThreadingHTTPServer((host, 0), Pages)
    server.daemon_threads, server.seen = True, []
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def pages():
    with listening("127.0.0.1") as server:
        yield server


def limits(**changes):
    """As of the server, but this machine's first address counts as public."""
    return FetchLimits(**{"nbytes": 100_000, "seconds": 5, "allowed": lambda one: one == "127.0.0.1", **changes})


def url(server, path, host="127.0.0.1"):
    return f"http://{host}:{server.server_port}{path}"


def test_a_file_is_fetched_with_its_query(pages):
    assert fetch(url(pages, "/file?a=b%20c"), limits()) == b"content"


def test_a_redirect_is_followed(pages):
    assert fetch(url(pages, "/redirect//file?a=b%20c"), limits()) == b"content"


def test_the_address_that_was_checked_is_the_one_that_is_dialled(pages):
    """A name that leads elsewhere when it is asked for again (DNS rebinding) gains nothing: it is asked for once."""
    answers = iter([["127.0.0.1"]])
    asked = limits(resolve=lambda host, port: next(answers))
    assert fetch(url(pages, "/file?a=b%20c", host="public.example"), asked) == b"content"
    assert pages.seen[0][0].startswith("public.example:")


def test_a_redirect_into_the_inner_network_is_refused_before_it_is_dialled(pages):
    with listening("127.0.0.2") as inner:
        with pytest.raises(NotFetched) as told:
            fetch(url(pages, f"/redirect/{url(inner, '/file', '127.0.0.2')}"), limits())
        assert told.value.code == "url_not_allowed"
        assert inner.seen == []


def test_a_host_with_one_inner_address_among_others_is_refused(pages):
    with pytest.raises(NotFetched) as told:
        fetch(url(pages, "/file", "mixed.example"), limits(resolve=lambda host, port: ["127.0.0.1", "10.0.0.1"]))
    assert told.value.code == "url_not_allowed"
    assert pages.seen == []


def test_too_many_redirects_end(pages):
    with pytest.raises(NotFetched, match="more than 3 times"):
        fetch(url(pages, "/redirect//redirect//redirect//redirect//redirect//file"), limits())


@pytest.mark.parametrize(("path", "code"), [("/large", "media_too_large"), ("/cut", "media_not_fetched"),
                                            ("/nothing", "media_not_fetched")])  # fmt: skip
def test_what_is_too_large_cut_or_missing_is_refused(pages, path, code):
    with pytest.raises(NotFetched) as told:
        fetch(url(pages, path), limits())
    assert told.value.code == code


def test_a_server_that_sends_byte_by_byte_is_left_at_the_deadline(pages):
    began = time.monotonic()
    with pytest.raises(NotFetched, match="within"):
        fetch(url(pages, "/slow"), limits(seconds=0.5))
    assert time.monotonic() - began < 2


def test_a_server_that_never_answers_is_left_at_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(NotFetched, match="within"):
            fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/", limits(seconds=0.5))
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("address", [
    "http://user@127.0.0.1/", "http://127.0.0.1\\@public.example/", "http://public.example\\.127.0.0.1/",
    "http:// 127.0.0.1/", "http://127.0.0.1:port/", "http://[::1/", "http:///etc/passwd", "file:///etc/passwd",
    "gopher://127.0.0.1/", "http://a\r\nHost: b/", "http://127.0.0.1:99999/", "http://exa%6dple/", "//127.0.0.1/",
    "http://\uff11\uff12\uff17.0.0.1/",
])  # fmt: skip
def test_a_url_that_parsers_could_read_in_two_ways_is_refused(address):
    with pytest.raises(NotFetched) as told:
        fetch(address, limits(resolve=lambda host, port: pytest.fail("it was resolved")))
    assert told.value.code == "invalid_url"


@pytest.mark.parametrize("address", [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1",
    "2001:0:7f00:1::", "::127.0.0.1", "fd00:ec2::254", "192.0.0.1", "198.18.0.1", "not an address",
])  # fmt: skip
def test_an_address_of_an_inner_network_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_of_the_internet_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "017700000001", "localhost"])
def test_every_spelling_of_this_machine_is_refused(pages, host):
    with pytest.raises(NotFetched) as told:
        fetch(url(pages, "/file", host), limits(allowed=is_public))
    assert told.value.code in ("url_not_allowed", "media_not_fetched")
    assert pages.seen == []


def test_a_handshake_that_does_not_come_to_its_end_is_cut_at_the_deadline():
    """A byte now and then is enough to keep each single read of the handshake alive."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            with suppress(OSError):
                client, _ = server.accept()
                with client:
                    for byte in b"\x16\x03\x03\x40\x00" + bytes(100):
                        client.sendall(bytes([byte]))
                        time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        began = time.monotonic()
        with pytest.raises(NotFetched, match=r"0\.4 s"):
            fetch(f"https://127.0.0.1:{server.getsockname()[1]}/", limits(seconds=0.4))
        assert time.monotonic() - began < 2
