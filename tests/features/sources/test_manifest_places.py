"""Which places a row of a manifest may name."""

import json

import fsspec
import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import open_workspace
from macaw_cli.features.source import Refused, Source
from macaw_cli.features.sources.listing import list_sources
from macaw_cli.features.sources.manifest_places import place_in_remote_manifest, require_driver

FOLDER = "https://example.org/data"


@pytest.mark.parametrize(
    ("name", "url"),
    [("a.png", f"{FOLDER}/a.png"), ("b/a..png", f"{FOLDER}/b/a..png"), ("s3://bucket/a.png", "s3://bucket/a.png"),
     ("HTTPS://example.org/a.png", "HTTPS://example.org/a.png")],
)  # fmt: skip
def test_a_remote_manifest_names_files_below_it_and_on_servers(name, url):
    assert place_in_remote_manifest(FOLDER, name) == url


@pytest.mark.parametrize(
    "name",
    ["/etc/a.png", "../a.png", "b/../../a.png", "..\\a.png", "\\\\host\\a.png", "~/a.png", "file:///etc/a.png",
     "FILE:///etc/a.png", "file:/etc/a.png", "local:///etc/a.png", "Local:///etc/a.png", "zip://a.png::/etc/a.zip",
     "simplecache::file:///etc/a.png", "a::file:///etc/a.png", "https://example.org/a::file:///etc/a.png",
     "dir:///etc/a.png", "tar://a.png::/etc/a.tar", "reference:///etc/a.png", "filecache:///etc/a.png",
     "libarchive:///a.png", "git:///a.png", "arrow_hdfs:///a.png", "data:///a.png"],
)  # fmt: skip
def test_a_remote_manifest_names_no_file_of_this_machine(name):
    with pytest.raises(InputError):
        place_in_remote_manifest(FOLDER, name)


def test_a_remote_manifest_with_local_names_gives_rejects_and_the_rest_goes_on(tmp_path):
    (tmp_path / "canary.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    canary = f"{tmp_path}/canary.png"
    names = ["a.png", canary, f"local://{canary}", f"file://{canary}", "b.png"]
    rows = "".join(json.dumps({"path": name}) + "\n" for name in names)
    fsspec.filesystem("memory").pipe_file("/places/m.jsonl", rows.encode())
    found = list(list_sources(open_workspace(), ["memory://places/m.jsonl"]))
    assert [type(one) for one in found] == [Source, Refused, Refused, Refused, Source]
    assert {one.file for one in found if isinstance(one, Source)} == {"memory://places/a.png", "memory://places/b.png"}


def test_a_bad_row_of_a_remote_manifest_is_a_reject_and_the_rest_goes_on():
    content = b'{"path": "a.png"}\n{"path": 3}\n{"path": "b.png"}\n'
    fsspec.filesystem("memory").pipe_file("/places/bad.jsonl", content)
    first, refused, last = list_sources(open_workspace(), ["memory://places/bad.jsonl"])
    assert (first.file, last.file) == ("memory://places/a.png", "memory://places/b.png")
    assert refused.row["path"].endswith("bad.jsonl, line 2")


@pytest.mark.parametrize("scheme", ["foo", "abfs", "gs", "x" * 100_000])
def test_a_row_whose_driver_is_not_here_is_a_reject_and_the_rest_goes_on(tmp_path, scheme, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    rows = [{"path": f"{scheme}://bucket/a.png"}, {"path": "a.png"}]
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    try:
        require_driver(f"{scheme}://bucket/a.png")
    except InputError as error:
        assert len(str(error)) < 200
    else:
        pytest.skip("the driver is here")
    refused, source = list_sources(open_workspace(), [str(tmp_path / "m.jsonl")])
    assert isinstance(refused, Refused)
    assert scheme[:20] in refused.row["reason"]
    assert source.name == "a.png"
