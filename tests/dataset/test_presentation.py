import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from macaw_cli.dataset.conversations import Origin
from macaw_cli.dataset.presentation import show_rejects, show_result
from macaw_cli.dataset.rejects import Reject
from macaw_cli.dataset.rejects_log import RejectsLog


@pytest.mark.parametrize(("words", "following"), [
    ([], "macaw train"), (["--out", "my data"], "macaw train 'my data'"),
    (["--set", "dataset.out=w/d"], "macaw train d"), (["--set=dataset.out=w/d", "--set", "seed=1"], "macaw train d"),
    (["--set", "seed=1"], "macaw train"), (["--config", "b.yaml", "--out=d"], "macaw train d --config b.yaml"),
])  # fmt: skip
def test_the_last_line_names_the_dataset_and_configuration_that_were_typed(monkeypatch, capsys, words, following):
    monkeypatch.setattr(sys, "argv", ["macaw", "build-dataset", *words])
    counts = {"train": {"conversations": 3}, "val": {"conversations": 1}}
    show_result({"counts": counts, "shards": [{"bytes": 10}]}, Path("d"), up_to_date=False)
    assert capsys.readouterr().out.rstrip().endswith(f"Next: {following}")


def test_a_dataset_without_training_rows_does_not_ask_for_training(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["macaw", "build-dataset"])
    counts = {"train": {"conversations": 0}, "val": {"conversations": 1}}
    show_result({"counts": counts, "shards": [{"bytes": 10}]}, Path("d"), up_to_date=False)
    assert "macaw train" not in capsys.readouterr().out


def test_the_first_rejected_rows_are_shown_with_the_file_that_lists_all(capsys, tmp_path):
    origin = Origin(0, "rows.jsonl", 4)
    rejects = RejectsLog(tmp_path)
    for number in range(5):
        rejects.add("read", Reject(origin, "valid row", f"reason {number}"))
    show_rejects(SimpleNamespace(rejects=rejects), Path("d/rejects.jsonl"))
    rejects.close()
    told = capsys.readouterr().err
    assert "rows.jsonl, row 4: reason 0" in told and "2 more" in told and "rejects.jsonl" in told
