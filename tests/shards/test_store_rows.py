"""Rows of a feature store: which are right, and that the fast test passes no more than the fields."""

import itertools
import json

import pytest

from macaw_cli.basics.errors import DamagedError, MismatchError
from macaw_cli.shards import store_rows
from macaw_cli.shards.store_rows import digest_of_key, manifest_rows, read_store_file, reject_rows

MEDIUM = {"path": "a.png", "key": "ab" * 16, "modality": "image", "shard": "image-000000.tar", "offset": 512,
          "bytes": 192, "shape": [4, 8], "dtype": "float16", "meta": {"duration": 1.5}}  # fmt: skip
SHARD = {"shard": "image-000000.tar", "bytes": 10240, "sha256": "ab" * 32, "items": 1, "job": 0}
WRONG = {
    "path": [None, 3, ["a"]], "key": [None, "", "a b", "a" * 200, 7], "modality": [None, "smell", [], {}],
    "shard": [None, "../x.tar", "/x.tar", "x.zip", 0], "offset": [None, -1, 1.5, True, 2**63, "0"],
    "bytes": [None, -1, 1.5, True, 2**63], "shape": [None, [], [-1], [[1]], [2**20] * 4, [{}], "4"],
    "dtype": [None, "object", 16, []], "meta": [3, [], "x", {"duration": "x"}, {"seconds": float("nan")}],
}  # fmt: skip


def written(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_rows_of_media_and_of_shards_are_read_with_their_place(tmp_path):
    file = written(tmp_path / "manifest.jsonl", MEDIUM, SHARD, {**MEDIUM, "meta": None, "more": 1})
    found = list(manifest_rows(file))
    assert [row for _, row in found] == [MEDIUM, SHARD, {**MEDIUM, "meta": None, "more": 1}]
    lines = file.read_bytes().splitlines(keepends=True)
    assert [start for start, _ in found] == [0, *itertools.accumulate(map(len, lines[:-1]))]


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG.items() for value in values])
def test_a_wrong_value_is_told_with_its_key_and_line(tmp_path, key, value):
    file = written(tmp_path / "manifest.jsonl", MEDIUM, {**MEDIUM, key: value})
    with pytest.raises(DamagedError, match=r"manifest\.jsonl, line 2") as told:
        list(manifest_rows(file))
    assert key in told.value.problem


@pytest.mark.parametrize("key", [name for name in MEDIUM if name not in ("key", "meta")])
def test_a_missing_key_is_told(tmp_path, key):
    row = {name: value for name, value in MEDIUM.items() if name != key}
    with pytest.raises(DamagedError, match=f"`{key}` is missing"):
        list(manifest_rows(written(tmp_path / "manifest.jsonl", row)))


@pytest.mark.parametrize("row", [3, [], None, "x", {}, {**SHARD, "shard": "../x.tar"}, {**SHARD, "bytes": -1}])
def test_rows_that_are_neither_medium_nor_shard_are_refused(tmp_path, row):
    with pytest.raises(DamagedError, match="line 1"):
        list(manifest_rows(written(tmp_path / "manifest.jsonl", row)))


def test_the_fast_test_passes_nothing_that_the_fields_do_not():
    slow = store_rows._MEDIUM
    for key, values in WRONG.items():
        for value in values:
            assert not store_rows._is_usual({**MEDIUM, key: value}), (key, value)
            assert not slow.holds({**MEDIUM, key: value})
    assert store_rows._is_usual(MEDIUM)


@pytest.mark.parametrize("content", [[], {}, {"fingerprints": []}, {"fingerprints": {"image": 3}}, {"x": 1}])
def test_a_store_file_of_another_tool_is_refused(tmp_path, content):
    (tmp_path / "store.json").write_text(json.dumps(content))
    with pytest.raises((DamagedError, MismatchError), match=r"store\.json"):
        read_store_file(tmp_path / "store.json")


def test_a_newer_store_is_told_before_its_fields(tmp_path):
    (tmp_path / "store.json").write_text('{"format_version": 99, "fingerprints": 3}')
    with pytest.raises(MismatchError, match="99"):
        read_store_file(tmp_path / "store.json")


def test_rejects_have_all_their_keys(tmp_path):
    file = written(tmp_path / "rejects.jsonl", {"path": "a.png"}, {"path": "b.png", "reason": "It is cut."})
    assert [row.get("reason") for row in reject_rows(file)] == [None, "It is cut."]
    assert all(row["modality"] is None and row["key"] is None for row in reject_rows(file))
    with pytest.raises(DamagedError, match=r"line 1"):
        list(reject_rows(written(file, {"path": "a.png", "modality": "smell"})))


def test_a_key_that_is_no_hash_is_told():
    assert digest_of_key("ab" * 16) == bytes([0xAB] * 16)
    with pytest.raises(DamagedError, match="not a hash"):
        digest_of_key("null")
