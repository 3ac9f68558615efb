import errno
import threading
from concurrent.futures import Future
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from macaw_cli.basics import remote_files
from macaw_cli.basics.atomic_files import read_jsonl
from macaw_cli.basics.errors import InputError, Passing, ResourceError
from macaw_cli.basics.remote_files import driver_errors_are_told, list_folder
from macaw_cli.features.extract import extract
from macaw_cli.features.items import Item
from macaw_cli.features.remote.fetch_errors import fetch_errors_are_told
from macaw_cli.features.remote_decoding import RemoteDecoding
from macaw_cli.features.sources.listing import survey_sources


class Pages(BaseHTTPRequestHandler):
    """Serves `server.files` by path; `server.failures[path]` are the status codes to give first."""

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, with_body):
        path = self.path.partition("?")[0]
        self.server.seen.append((self.command, self.path))
        failures = self.server.failures.get(path, [])
        body = self.server.files.get(path)
        status = failures.pop(0) if failures else 200 if body is not None else 404
        body = body if status == 200 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hash(body)}"')
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def web(monkeypatch):
    """A web server and its URL."""
    monkeypatch.setattr(remote_files, "_FIRST_PAUSE_S", 0.01)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.files, server.failures, server.seen = {}, {}, []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_files_of_a_web_server_are_sources(workspace, web, media, store, tmp_path):
    server, url = web
    server.files |= {f"/all/{number}.png": (media / f"pictures/{number}.png").read_bytes() for number in range(3)}
    links = "".join(f'<a href="{number}.png">x</a>' for number in range(3))
    server.files["/all/"] = f"<html>{links}<a href='../'>up</a></html>".encode()
    (tmp_path / "list.jsonl").write_text(f'{{"path": "{url}/all/2.png?size=1&token=secret"}}\n')
    assert extract(workspace(), [f"{url}/all/{{0..1}}.png", "list.jsonl"]).made == {"image": 3}
    assert survey_sources(workspace(), [f"{url}/all/"]).media == {"image": 3}
    names = [row["path"] for row in read_jsonl(tmp_path / "features" / "manifest.jsonl") if row.get("path")]
    host = url.partition("//")[2]
    assert names == [f"{host}/all/0.png", f"{host}/all/1.png", f"{host}/all/2.png?size=1"]
    written = b"".join(file.read_bytes() for file in (tmp_path / "features").iterdir() if file.is_file())
    assert b"secret" not in written


def test_a_server_that_fails_now_and_then_is_asked_again(workspace, web, media):
    server, url = web
    server.files["/a.png"] = (media / "pictures/0.png").read_bytes()
    server.failures["/a.png"] = [200, 200, 503, 502]  # looked at twice, then fetched
    report = extract(workspace(), [f"{url}/a.png"])
    assert report.made == {"image": 1}, (report.rejects, server.seen)


def test_a_server_that_keeps_failing_costs_that_file(workspace, web, media, tmp_path):
    server, url = web
    server.files |= {"/a.png": (media / "pictures/0.png").read_bytes(), "/b.png": b"x"}
    server.failures["/b.png"] = [503] * 50
    (tmp_path / "list.jsonl").write_text("".join(f'{{"path": "{url}/{name}.png"}}\n' for name in "ab"))
    report = extract(workspace(), ["list.jsonl"])
    assert report.made == {"image": 1}
    (row,) = report.rejects
    assert row["reason"].startswith("It cannot be fetched: 503")


def test_a_medium_that_cannot_be_fetched_again_now_may_be_at_the_next_run(web, media, tmp_path):
    server, url = web
    content = (media / "pictures/0.png").read_bytes()
    server.files["/a.png"] = content
    item = Item("0" * 32, "image", sha256(content).hexdigest(), len(content), f"{url}/a.png", names=["a.png"])
    decoding, asked = RemoteDecoding(tmp_path / "store"), []

    def submit(here):
        asked.append(here)
        done = Future()
        done.set_result(({}, {}))
        return done

    for status, reason in ((503, "It cannot be fetched: 503"), (404, "It cannot be fetched: it does not exist")):
        server.failures["/a.png"] = [status] * 4
        with pytest.raises(Passing, match=reason):
            decoding.decode(item, submit).result()
        server.failures.clear()
    server.files["/a.png"] = b"something else"
    with pytest.raises(Passing, match="It was changed after"):
        decoding.decode(item, submit).result()
    server.files["/a.png"] = content
    assert not asked and decoding.decode(item, submit).result() == ({}, {})
    decoding.close()


def test_missing_and_forbidden_pages_are_told_at_once(workspace, web):
    server, url = web
    with pytest.raises(InputError, match="nothing at http"):
        survey_sources(workspace(), [f"{url}/gone.png"])
    server.failures["/private.png"] = [403] * 9
    with pytest.raises(InputError, match=r"private.png may not be read with the current credentials: 403"):
        survey_sources(workspace(), [f"{url}/private.png"])
    assert len(server.seen) < 7
    with pytest.raises(ResourceError, match="cannot be read"):
        survey_sources(workspace(), ["http://127.0.0.1:9/a.png"])


def test_a_bucket_without_permission_is_told(workspace, web, monkeypatch):
    import s3fs

    server, url = web
    server.failures |= dict.fromkeys(("/locked", "/locked/media", "/locked/features"), [403] * 50)
    filesystem = s3fs.S3FileSystem(endpoint_url=url, key="a", secret="b", skip_instance_cache=True)
    monkeypatch.setattr(remote_files, "open_filesystem", lambda place: (filesystem, place[5:]))
    with pytest.raises(InputError, match=r"s3://locked/media may not be read.* docs/remote.md"):
        list_folder("s3://locked/media")


def test_a_web_server_is_no_place_for_a_store(workspace, web, media, monkeypatch, tmp_path):
    monkeypatch.setenv("MACAW_CACHE", str(tmp_path / "cache"))
    with pytest.raises(InputError, match="cannot be written"):
        extract(workspace(f"features.out={web[1]}/features"), ["media/pictures"])


def test_a_store_that_cannot_be_reached_stops_the_work_and_a_full_disk_too():
    from botocore.exceptions import EndpointConnectionError

    gone = EndpointConnectionError(endpoint_url="http://store")
    told = r"s3://a/b\.png cannot be reached.* it continues"
    with pytest.raises(ResourceError, match=told), fetch_errors_are_told("s3://a/b.png"):
        raise gone
    with pytest.raises(InputError, match="It cannot be fetched"), fetch_errors_are_told("https://a/b.png"):
        raise gone
    with pytest.raises(OSError, match="No space"), fetch_errors_are_told("https://a/b.png"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_what_is_no_fault_of_the_network_stays_a_bug():
    with pytest.raises(KeyError), driver_errors_are_told("s3://a"):
        raise KeyError("a")
