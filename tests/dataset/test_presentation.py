import sys
from pathlib import Path

import pytest

from macaw_cli.dataset.presentation import show_result


@pytest.mark.parametrize(("words", "following"), [
    ([], "macaw train"), (["--out", "my data"], "macaw train 'my data'"),
    (["--config", "b.yaml", "--out=d"], "macaw train d --config b.yaml"),
])  # fmt: skip
def test_the_last_line_names_the_dataset_and_configuration_that_were_typed(monkeypatch, capsys, words, following):
    monkeypatch.setattr(sys, "argv", ["macaw", "build-dataset", *words])
    counts = {"train": {"conversations": 3}, "val": {"conversations": 1}}
    show_result({"counts": counts, "shards": [{"bytes": 10}]}, Path("d"), up_to_date=False)
    assert capsys.readouterr().out.rstrip().endswith(f"Next: {following}")
