"""Rows of a manifest that are mended leave the list of rejects; what is still wrong, or was not read, stays."""

import json

import pytest

from macaw_cli.basics.atomic_files import read_jsonl
from macaw_cli.features.extract import extract


@pytest.fixture
def rejected(workspace, media, tmp_path):
    """Writes the rows of a manifest, extracts them, and gives the paths in `rejects.jsonl`."""
    names = sorted(path.name for path in (media / "pictures").iterdir())

    def run(*rows, manifest="list.jsonl", limit=None):
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        (media / manifest).write_text("\n".join([json.dumps({"path": f"pictures/{names[0]}"}), *lines]) + "\n")
        extract(workspace("features.max_reject_ratio=1"), [f"media/{manifest}"], limit=limit)
        return [row["path"] for row in read_jsonl(tmp_path / "features" / "rejects.jsonl")]

    return run


def test_mended_lines_and_names_leave_the_rejects_and_the_others_stay(rejected):
    bad = ['{"path"', {"path": "missing.png"}, {"path": "notes.txt"}]
    first = rejected(*bad)
    assert len(first) == 3 and any(path.endswith("line 2") for path in first)
    assert rejected('{"path": "x.png"}', bad[1]) == ["media/missing.png", "media/x.png"]
    assert rejected() == []


def test_a_manifest_that_was_not_read_to_its_end_keeps_its_rejects(rejected):
    first = rejected('{"path"')
    assert rejected(limit=1) == first
    assert rejected(manifest="other.jsonl") == first
    assert rejected() == []
