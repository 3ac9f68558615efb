"""Two datasets side by side."""

import pytest
from fake_store import make_store, question, write_rows

from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.dataset.build import build_dataset
from macaw_cli.reports.dataset_comparison import compare_datasets

IMAGES = [f"images/{number}.png" for number in range(6)]


@pytest.fixture
def built(tmp_path):
    """`built(name, rows, **settings)` builds a dataset of rows and gives its folder."""
    make_store(tmp_path / "features", image=IMAGES)

    def build(name, rows, seed=0, **settings):
        write_rows(tmp_path / "a.jsonl", rows)
        tree = {"seed": seed, "dataset": {"sources": ["jsonl:a.jsonl"], "out": name, "val_fraction": 0.0, **settings}}
        build_dataset(Workspace(tmp_path, parse_settings(tree, "test")))
        return tmp_path / name

    return build


def test_equal_datasets_differ_in_nothing(built):
    rows = [question(name) for name in IMAGES]
    found = compare_datasets(built("a", rows), built("b", rows))
    assert (found.inputs, found.counts, found.as_json()["same"]) == ({}, {}, True)


def test_conversations_and_media_that_come_go_and_change_are_named(built):
    rows = [question(name, split="train") for name in IMAGES[:4]]
    first = built("a", rows)
    other_answer = {**rows[1], "messages": [*rows[1]["messages"][:1], {"role": "assistant", "content": "No."}]}
    other_medium = {**rows[2], "image": [IMAGES[5]]}
    other_side = {**rows[3], "split": "val", "kind": "other"}
    second = built("b", [other_answer, other_medium, other_side, question(IMAGES[4], split="train")])
    found = compare_datasets(first, second)
    conversations = found.conversations
    assert (conversations.added, conversations.removed, conversations.changed) == (1, 1, 3)
    assert conversations.first["added"] == [f"q-{IMAGES[4]}"] and conversations.first["removed"] == [f"q-{IMAGES[0]}"]
    assert conversations.parts == {"messages": 1, "media": 1, "split": 1, "others": 1}
    assert sorted(found.media.first["added"]) == [IMAGES[4], IMAGES[5]]
    assert sorted(found.media.first["removed"]) == [IMAGES[0], IMAGES[2]]
    assert set(found.inputs) == {"source.a.jsonl.sha256"}
    assert found.counts["train"] == (4, 3) and found.counts["kind.other"] == (None, 1)


def test_settings_and_filters_explain_what_is_gone(built):
    rows = [question(name) for name in IMAGES]
    found = compare_datasets(built("a", rows), built("b", rows, seed=1, filters=["duplicates"]))
    assert found.inputs["seed"] == (0, 1)
    assert found.inputs["filter.duplicates"] == (None, {"within": "medium", "compare": "conversation"})
    assert found.counts == {"removed.duplicates": (None, 0)}


def test_repeated_conversations_are_counted_one_by_one(built):
    rows = [question(name) for name in IMAGES[:2]]
    first = built("a", rows, sources=["jsonl:a.jsonl#3+"])
    second = built("b", rows, sources=["jsonl:a.jsonl#5+"])
    found = compare_datasets(first, second)
    assert (found.conversations.added, found.conversations.removed) == (2, 0)
    assert found.inputs["source.a.jsonl.count"] == (3, 5)
