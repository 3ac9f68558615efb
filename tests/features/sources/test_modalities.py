"""Files that could be anything, such as CSV: what says that they are media of a modality."""

import json

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import open_workspace
from macaw_cli.features.source import Source
from macaw_cli.features.sources.listing import list_sources


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "macaw.yaml").write_text("version: 1\n")
    for name in ("m/labels.csv", "m/load.series.csv", "m/a.png", "m/x.series.txt", "t/1.csv", "t/2.npy", "t/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1,2")
    return open_workspace(tmp_path)


def found(workspace, *sources):
    listed = list_sources(workspace, list(sources))
    return [(entry.name, entry.modality) for entry in listed if isinstance(entry, Source)]


def test_a_table_in_a_folder_of_media_is_left_alone_unless_its_name_says_what_it_is(workspace):
    assert found(workspace, "m") == [("m/a.png", "image"), ("m/load.series.csv", "series")]


def test_a_source_may_say_what_its_files_are(workspace):
    assert found(workspace, "series:t") == [("t/1.csv", "series"), ("t/2.npy", "series")]
    assert found(workspace, "series:t/1.csv", "series:t/*.npy") == [("t/1.csv", "series"), ("t/2.npy", "series")]
    (workspace.root / "series:t").mkdir()
    (workspace.root / "series:t" / "b.png").write_text("x")
    (workspace.root / "c.csv").write_text("1")
    with pytest.raises(InputError, match=r"series:.*c\.csv"):
        found(workspace, "c.csv")
    with pytest.raises(InputError, match=r"\.parquet"):
        found(workspace, "series:t/a.png")


def test_a_row_of_a_manifest_may_say_what_its_file_is(workspace):
    rows = [{"path": "t/1.csv", "modality": "series"}, {"path": "m/a.png"}, {"path": "m/labels.csv"},
            {"path": "t/a.png", "modality": "series"}, {"path": "t/2.npy", "modality": "sries"}]  # fmt: skip
    (workspace.root / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert found(workspace, "list.jsonl") == [("t/1.csv", "series"), ("m/a.png", "image")]
    listed = list_sources(workspace, ["list.jsonl"])
    refused = [entry.row["reason"] for entry in listed if not isinstance(entry, Source)]
    assert len(refused) == 3
    assert "series" in refused[-1] and "sries" in refused[-1]
