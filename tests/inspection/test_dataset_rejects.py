"""What a dataset left out, and what a model wrote in vain."""

import json

import pytest

from macaw_cli.basics.errors import DamagedError, MismatchError
from macaw_cli.inspection.dataset_rejects import generation_folder, rejected_replies, rejected_rows

LOCK = {
    "generator": {"model": "m"},
    "sources": [{"file": "a.jsonl", "format": "jsonl"}, {"file": "generated/conversations.jsonl", "format": "jsonl"}],
}


def write(path, rows):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_rejected_rows_are_one_line_per_reason(tmp_path):
    write(tmp_path / "rejects.jsonl", [
        {"file": "a.jsonl", "row": 3, "filter": "length", "reason": "the answer has 3 words, fewer than 5"},
        {"file": "a.jsonl", "row": 7, "filter": "length", "reason": "the answer has 1 words, fewer than 5"},
        {"file": "b.jsonl", "row": 1, "filter": "valid row", "reason": "no messages"},
    ])  # fmt: skip
    groups = rejected_rows(tmp_path)
    assert [(group.files, group.modalities, group.paths[0]) for group in groups] == [
        (2, {"length": 2}, "a.jsonl, row 3"), (1, {"valid row": 1}, "b.jsonl, row 1"),
    ]  # fmt: skip
    assert rejected_rows(tmp_path / "elsewhere") == []


def test_replies_are_found_where_the_lock_names_a_generation(tmp_path):
    (tmp_path / "dataset").mkdir()
    folder = tmp_path / "generated"
    write(folder / "rejects.jsonl", [{"reason": "no JSON", "id": "i", "kind": "counting", "raw": "Sorry"},
                                     {"reason": "twice", "question": "Q?", "answer": "A"}])  # fmt: skip
    assert generation_folder(tmp_path / "dataset", LOCK) is None  # nothing says that macaw made it
    write(folder / "generation.json", [{"format_version": 1}])
    assert generation_folder(tmp_path / "dataset", LOCK) == folder
    assert generation_folder(tmp_path / "dataset", {**LOCK, "generator": {}}) is None
    assert [reply.text for reply in rejected_replies(folder)] == ["Sorry", "Q?\nA"]
    write(folder / "generation.json", [{"format_version": 99}])
    with pytest.raises(MismatchError, match="99"):
        generation_folder(tmp_path / "dataset", LOCK)


@pytest.mark.parametrize("file", ["../generated/c.jsonl", "a/../../generated/c.jsonl", "/tmp/generated/c.jsonl"])
def test_a_generation_outside_the_workspace_is_not_looked_for(tmp_path, file):
    write(tmp_path / "generated/generation.json", [{"format_version": 1}])
    (tmp_path / "work/dataset").mkdir(parents=True)
    lock = {"generator": {"model": "m"}, "sources": [{"file": file, "format": "jsonl"}]}
    assert generation_folder(tmp_path / "work/dataset", lock) is None


def test_rejects_of_something_else_are_told(tmp_path):
    write(tmp_path / "rejects.jsonl", [{"why": 1}])
    with pytest.raises(DamagedError, match=r"rejects.jsonl, line 1"):
        rejected_rows(tmp_path)
