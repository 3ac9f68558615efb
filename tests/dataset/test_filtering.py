"""Chosen filters in a whole build: what they drop, where it is counted, and that it does not count as unusable."""

import json

import pytest
from fake_store import make_store, question, write_rows

from macaw_cli.basics.errors import InputError
from macaw_cli.shards.training_dataset import TrainingDataset


def answered(row, answer):
    return {**row, "messages": [row["messages"][0], {"role": "assistant", "content": answer}]}


@pytest.fixture
def rows(tmp_path, store):
    """Twelve images: every third answer denies, and every fourth conversation stands twice."""
    found = []
    for n in range(12):
        row = answered(question(f"images/{n}.png"), "There is no dog." if n % 3 == 0 else f"A dog and {n} cats.")
        found += [row, {**row, "id": f"again-{n}"}] if n % 4 == 0 else [row]
    write_rows(tmp_path / "c.jsonl", found)
    return found


def rejected(tmp_path):
    return [json.loads(line) for line in (tmp_path / "dataset/rejects.jsonl").read_text().splitlines()]


def ids(tmp_path):
    dataset = TrainingDataset(tmp_path / "dataset")
    return sorted(row.id for split in ("train", "val") for row in dataset.conversations(split))


def test_what_filters_drop_is_listed_counted_and_not_unusable(tmp_path, rows, build):
    info = build("jsonl:c.jsonl", filters=["duplicates", "caption-words"], max_reject_ratio=0.0).info
    listed = rejected(tmp_path)
    assert info["filters"]["caption-words"] == sum(row["filter"] == "caption-words" for row in listed) == 5
    assert info["filters"]["duplicates"] == sum(row["filter"] == "duplicates" for row in listed) == 2
    assert info["filters"]["valid row"] == 0
    assert {row["id"] for row in listed if row["filter"] == "duplicates"} == {"again-4", "again-8"}
    assert len(ids(tmp_path)) == len(rows) - 7
    assert info["filter_settings"] == [
        {"name": "duplicates", "within": "medium", "compare": "conversation"},
        {"name": "caption-words", "negations": True, "as_published": False},
    ]


def test_without_filters_none_is_listed(tmp_path, rows, build):
    info = build("jsonl:c.jsonl").info
    assert set(info["filters"]) == {"valid row", "media have features", "no medium on both sides"}
    assert info["filter_settings"] == []


def test_another_filter_builds_the_dataset_again(tmp_path, rows, build):
    assert not build("jsonl:c.jsonl").up_to_date
    assert not build("jsonl:c.jsonl", filters="length").up_to_date
    assert build("jsonl:c.jsonl", filters=[{"name": "length"}]).up_to_date
    assert not build("jsonl:c.jsonl", filters=[{"name": "length", "max_answer_words": 9}]).up_to_date


def test_a_number_of_conversations_is_taken_from_those_that_pass(tmp_path, rows, build):
    info = build("jsonl:c.jsonl#8", filters="caption-words").info
    assert len(ids(tmp_path)) == 8
    assert sum(info["counts"][split]["conversations"] for split in ("train", "val")) == 8


def test_repeats_that_were_asked_for_are_no_duplicates(tmp_path, rows, build):
    info = build("jsonl:c.jsonl#60+", filters=["duplicates", "yes-no-balance"], val_fraction=0).info
    assert info["filters"]["duplicates"] == 12  # of the 15 rows 3 are duplicates, each of which stands four times
    assert info["counts"]["train"]["conversations"] == 48


def test_a_conversation_without_features_makes_no_duplicate_of_the_next(tmp_path, store, build):
    missing = question("gone.png")
    same = {**missing, "id": "same", "image": ["images/0.png"]}
    write_rows(tmp_path / "c.jsonl", [missing, same, question("images/1.png")])
    build("jsonl:c.jsonl", filters=[{"name": "duplicates", "within": "dataset"}])
    assert "same" in ids(tmp_path)


def test_yes_and_no_are_balanced_over_all_sources(tmp_path, store, build):
    yes = [answered(question(f"images/{n}.png", id=f"yes-{n}"), "Yes.") for n in range(9)]
    no = [answered(question(f"images/{n}.png", id=f"no-{n}"), "No.") for n in range(9, 12)]
    write_rows(tmp_path / "yes.jsonl", yes)
    write_rows(tmp_path / "no.jsonl", no)
    info = build("jsonl:yes.jsonl", "jsonl:no.jsonl", filters="yes-no-balance").info
    assert info["filters"]["yes-no-balance"] == 6
    assert sum(name.startswith("yes") for name in ids(tmp_path)) == 3


def test_filters_give_the_same_bytes_each_time(tmp_path, rows, build):
    chosen = ["duplicates", "near-duplicates", "yes-no-balance", "length"]
    first = build("jsonl:c.jsonl", filters=chosen, out="one").info
    second = build("jsonl:c.jsonl", filters=chosen, out="two").info
    assert first["hash"] == second["hash"]
    assert (tmp_path / "one/rejects.jsonl").read_bytes() == (tmp_path / "two/rejects.jsonl").read_bytes()


def test_where_filters_leave_nothing_this_is_told(tmp_path, build):
    make_store(tmp_path / "features", image=["a.png"])
    write_rows(tmp_path / "c.jsonl", [answered(question("a.png"), "No.")])
    with pytest.raises(InputError, match='"no"'):
        build("jsonl:c.jsonl", filters="caption-words")


def test_the_plan_tells_what_filters_drop(tmp_path, rows, build, capsys):
    build("jsonl:c.jsonl", filters=["caption-words"], plan=True)
    told = capsys.readouterr()
    assert "caption-words" in told.out + told.err


def test_tags_of_a_filter_reach_the_dataset(tmp_path, store, build, monkeypatch):
    from macaw_cli.dataset.filters import blind_answerable

    gains = lambda self, rows: [float(len(row["id"]) > 1) for row in rows]  # noqa: E731
    monkeypatch.setattr(blind_answerable.GainScorer, "gains", gains)
    rows = [question("images/0.png", id="a", tags=["mine"]), question("images/1.png", id="bb")]
    write_rows(tmp_path / "c.jsonl", rows)
    build("jsonl:c.jsonl", filters=[{"name": "blind-answerable", "model": "m", "action": "tag"}])
    dataset = TrainingDataset(tmp_path / "dataset")
    tags = {row.id: row.tags for split in ("train", "val") for row in dataset.conversations(split)}
    assert tags == {"a": ("mine", "blind-answerable"), "bb": ()}
