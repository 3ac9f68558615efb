"""The conversations of a dataset as files that `datasets.load_dataset` and macaw itself read."""

import json
from pathlib import Path

import pytest
from fake_store import make_store, question, write_rows

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.dataset.build import build_dataset
from macaw_cli.inspection.dataset_text import write_conversations
from macaw_cli.reports.dataset_comparison import compare_datasets

ANSWER = {"role": "assistant", "content": "Yes."}
PLACED = {"messages": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "This?"}]}, ANSWER]}
ROWS = [
    question("a.png"), question("v.mp4", "video"), {**question("v.mp4", "video"), "id": "silent", "audio": []},
    {"id": "text", "messages": [{"role": "user", "content": "Hm?"}, ANSWER], "choices": ["Yes.", "No."], "tags": ["t"]},
    {"id": "held", "split": "val", "image": ["b.png"], "messages": question("b.png")["messages"]},
]  # fmt: skip


@pytest.fixture
def built(tmp_path):
    make_store(tmp_path / "features", image=["a.png", "b.png"], video=["v.mp4"])

    def build(rows, out="dataset", source="a.jsonl"):
        if rows is not None:
            write_rows(tmp_path / source, rows)
        tree = {"dataset": {"sources": [f"jsonl:{source}"], "out": out, "val_fraction": 0.0}}
        build_dataset(Workspace(tmp_path, parse_settings(tree, "test")))
        return tmp_path / out

    return build


def loaded(path, cache):
    from datasets import load_dataset

    kind = {"jsonl": "json", "parquet": "parquet"}[path.suffix[1:]]
    found = load_dataset(kind, data_files=str(path), split="train", cache_dir=str(cache))
    return {row["id"]: row for row in found}


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@pytest.mark.parametrize("rows", [ROWS, [*ROWS, {"id": "placed", "image": ["a.png"], **PLACED}]])
def test_the_datasets_package_reads_every_row(built, tmp_path, ending, rows):
    target = tmp_path / f"out.{ending}"
    assert write_conversations(built(rows), target) == len(rows)
    found = loaded(target, tmp_path / "cache")
    assert found["held"]["split"] == "val" and found["held"]["image"] == ["b.png"]
    assert found["q-v.mp4"]["video"] == ["v.mp4"] and not found["q-v.mp4"]["image"]
    assert found["text"]["choices"] == ["Yes.", "No."] and found["text"]["tags"] == ["t"]
    if "placed" in found:
        assert found["placed"]["messages"][0]["content"][0]["type"] == "image"
        assert found["text"]["messages"][0]["content"][0]["text"] == "Hm?"
    else:
        assert found["text"]["messages"][0] == {"role": "user", "content": "Hm?"}


def test_macaw_makes_the_same_conversations_of_its_own_text(built, tmp_path):
    first = built(ROWS)
    write_conversations(first, tmp_path / "again.jsonl")
    changes = compare_datasets(first, built(None, "second", "again.jsonl")).conversations
    assert (changes.added, changes.removed, changes.changed) == (0, 0, 0)


def test_columns_that_come_late_are_in_the_first_rows(built, tmp_path):
    rows = [{"id": str(number), "messages": ROWS[3]["messages"]} for number in range(50)] + ROWS
    write_conversations(built(rows), tmp_path / "out.jsonl")
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert {"image", "video", "choices", "tags", "kind"} <= {key for row in written[:6] for key in row}
    assert len(written) == len({row["id"] for row in written}) == len(rows)


def test_nothing_is_replaced(built, tmp_path):
    folder = built(ROWS)
    (tmp_path / "mine.jsonl").write_text("mine")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "nowhere")
    for name in ("mine.jsonl", "link.jsonl"):
        with pytest.raises(InputError, match="there already"):
            write_conversations(folder, tmp_path / name)
    assert (tmp_path / "mine.jsonl").read_text() == "mine"
    with pytest.raises(InputError, match="lies inside"):
        write_conversations(folder, folder / "out.jsonl")
    assert not (folder / "out.jsonl").exists()


@pytest.mark.parametrize("name", ["out.csv", "out", "s3://bucket/out.jsonl"])
def test_another_ending_or_a_url_is_refused(built, name):
    with pytest.raises(UsageError):
        write_conversations(built(ROWS), Path(name))
