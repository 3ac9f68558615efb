"""`macaw inspect RUN1 RUN2 ...` as text and JSON, and what cannot stand side by side."""

import json
from pathlib import Path

import pytest
from written_run import write_run

from macaw_cli.inspection.inspect_folder import PageRequest, inspect_folder
from macaw_cli.inspection.side_by_side import compare_folders


@pytest.fixture
def runs(tmp_path):
    return [str(write_run(tmp_path / name, loss=loss)) for name, loss in (("first", 2.0), ("second", 4.0))]


def test_figures_and_curves_on_one_scale_are_shown(runs, capsys):
    compare_folders(runs, as_json=False)
    shown = capsys.readouterr().out
    assert "best held-out loss" in shown
    (curves,) = [line for line in shown.splitlines() if line.split()[1:2] == ["loss"]]
    first, second = curves.split()[3:6:2]
    assert first[0] < second[0]  # it began lower
    assert "The runs have the same settings." in shown


def test_json_is_one_object_with_the_page(runs, capsys, tmp_path):
    compare_folders(runs, as_json=True, page=PageRequest(tmp_path / "both.html"))
    content = json.loads(capsys.readouterr().out)
    assert (content["kind"], content["html"]) == ("runs", str(tmp_path / "both.html"))


def test_a_single_run_tells_time_best_stages_skipped_and_norms(runs, capsys):
    inspect_folder(runs[0], verify=False, as_json=False)
    shown = capsys.readouterr().out
    for words in ("best held-out loss", "after step 60", "skipped steps", "of which", "load 10%, forward 40%",
                  "bridge to step 30, tune to step 60", "gradient norm", "reliance", "gradient_norms.llm"):  # fmt: skip
        assert words in shown


def test_a_run_gets_its_report_and_plots_anywhere_else_its_page_only(runs, capsys, tmp_path):
    inspect_folder(runs[0], verify=False, as_json=True, page=PageRequest())
    assert json.loads(capsys.readouterr().out)["html"] == f"{runs[0]}/report.html"
    assert (Path(runs[0]) / "plots/loss.png").is_file()
    inspect_folder(runs[1], verify=False, as_json=False, page=PageRequest(tmp_path / "page.html"))
    assert not (Path(runs[1]) / "plots").exists()
    assert f"Page: {tmp_path / 'page.html'}" in capsys.readouterr().out
