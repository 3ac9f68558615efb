"""`FORMAT:PATH[#N]`."""

import os
from pathlib import Path

import pytest
from fake_store import load_source, question, write_rows

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Settings
from macaw_cli.dataset.formats.alpaca import from_alpaca
from macaw_cli.dataset.source_specs import parse_sources


@pytest.fixture
def load(tmp_path):
    def run(spec, seed=0, limit=None):
        (source,) = parse_sources([spec], Workspace(tmp_path, Settings()), limit)
        return load_source(source, seed, tmp_path)

    return run


def ids(loaded):
    return [conversation.id for conversation in loaded[0]]


@pytest.mark.parametrize(
    ("spec", "path", "count", "fill"),
    [("jsonl:a.jsonl", "a.jsonl", None, False), ("llava:x/y.json#50", "x/y.json", 50, False),
     ("alpaca:a.json#9+", "a.json", 9, True), ("jsonl:odd#name.jsonl", "odd#name.jsonl", None, False),
     ("jsonl:C:odd#1#2", "C:odd#1", 2, False)],
)  # fmt: skip
def test_a_source_is_read_into_its_parts(spec, path, count, fill):
    (source,) = parse_sources([spec], Workspace(Path("/w"), Settings()))
    assert (source.path, source.count, source.fill) == (Path("/w") / path, count, fill)


@pytest.mark.parametrize(
    ("spec", "message"),
    [("rows.jsonl", "FORMAT:PATH"), ("lava:x.json", "Did you mean llava:x.json"), ("jsonl:", "FORMAT:PATH"),
     ("jsonl:a#0", "no conversations"), ("", "FORMAT:PATH")],
)  # fmt: skip
def test_a_source_of_another_form_is_told(spec, message):
    with pytest.raises(UsageError, match=message):
        parse_sources([spec], Workspace(Path(), Settings()))


def test_no_source_at_all_is_told():
    with pytest.raises(UsageError, match="No source"):
        parse_sources([], Workspace(Path(), Settings()))


def test_a_number_takes_that_many_by_seed_in_the_order_of_the_file(tmp_path, load):
    write_rows(tmp_path / "a.jsonl", [question(f"{n}.png") for n in range(50)])
    ten = ids(load("jsonl:a.jsonl#10"))
    assert len(set(ten)) == 10
    assert ten == ids(load("jsonl:a.jsonl#10")) == [name for name in ids(load("jsonl:a.jsonl")) if name in ten]
    assert ten != ids(load("jsonl:a.jsonl#10", seed=1))
    assert set(ten) < set(ids(load("jsonl:a.jsonl#20")))


def test_only_rows_that_were_drawn_are_rejects_and_bad_ones_are_replaced(tmp_path, load):
    rows = [question(f"{n}.png") if n % 2 else {"id": f"bad-{n}"} for n in range(40)]
    write_rows(tmp_path / "a.jsonl", rows)
    taken, rejects = load("jsonl:a.jsonl#10")
    assert len(taken) == 10
    assert 0 < len(rejects) < 20
    assert all(reject.id == f"bad-{reject.origin.row - 1}" for reject in rejects)


def test_too_few_are_all_taken_once_and_with_a_plus_repeated_evenly(tmp_path, load):
    write_rows(tmp_path / "a.jsonl", [question(f"{n}.png") for n in range(3)])
    assert len(ids(load("jsonl:a.jsonl#8"))) == 3
    repeated = ids(load("jsonl:a.jsonl#8+"))
    assert len(repeated) == 8
    assert {repeated.count(name) for name in repeated} <= {2, 3}
    assert len(set(repeated)) == 3


@pytest.mark.parametrize(("spec", "expected"), [("#8", 4), ("", 4), ("#2", 2), ("#8+", 4), ("#3+", 3)])
def test_a_limit_lowers_the_number(tmp_path, load, spec, expected):
    write_rows(tmp_path / "a.jsonl", [question(f"{n}.png") for n in range(6)])
    assert len(ids(load(f"jsonl:a.jsonl{spec}", limit=4))) == expected


@pytest.mark.parametrize(
    "behind", ["1e9", "-1", "999999999999999999999", "9" * 10_000, "٣", "1_000", " 5", "+", "0x10", "5++", "", "1\n2"]
)
def test_a_number_of_conversations_that_is_none_is_one_short_line(tmp_path, behind):
    with pytest.raises(UsageError) as raised:
        parse_sources([f"jsonl:a.jsonl#{behind}"], Workspace(tmp_path, Settings()))
    assert len(str(raised.value)) < 600


def test_a_file_may_have_a_hash_in_its_name(tmp_path):
    (tmp_path / "a#1e9").write_text("{}")
    (source,) = parse_sources(["jsonl:a#1e9"], Workspace(tmp_path, Settings()))
    assert (source.name, source.count) == ("a#1e9", None)
    (source,) = parse_sources(["jsonl:a#1e9#7+"], Workspace(tmp_path, Settings()))
    assert (source.name, source.count, source.fill) == ("a#1e9", 7, True)


def test_an_id_that_is_the_path_of_a_pipe_is_a_name_and_is_not_opened(tmp_path):
    for name in ("pipe", "pipe.mp4"):
        os.mkfifo(tmp_path / name)
        row = from_alpaca({"id": str(tmp_path / name), "instruction": "What?", "response": "A cat."})
        assert row["video"] == [str(tmp_path / "pipe.mp4")]
