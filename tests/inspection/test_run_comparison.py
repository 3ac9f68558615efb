"""`macaw inspect RUN1 RUN2 ...` as text and JSON, and what cannot stand side by side."""

import json
from pathlib import Path

import pytest
from written_run import write_run

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.inspection.inspect_folder import PageRequest, inspect_folder
from macaw_cli.inspection.run_comparison import compare_runs


@pytest.fixture
def runs(tmp_path):
    return [str(write_run(tmp_path / name, loss=loss)) for name, loss in (("first", 2.0), ("second", 4.0))]


def test_figures_and_curves_on_one_scale_are_shown(runs, capsys):
    compare_runs(runs, as_json=False)
    shown = capsys.readouterr().out
    assert "best held-out loss" in shown
    (curves,) = [line for line in shown.splitlines() if line.split()[1:2] == ["loss"]]
    first, second = curves.split()[3:6:2]
    assert first[0] < second[0]  # it began lower
    assert "The runs have the same settings." in shown


def test_json_is_one_object_with_the_page(runs, capsys, tmp_path):
    compare_runs(runs, as_json=True, page=PageRequest(tmp_path / "both.html"))
    content = json.loads(capsys.readouterr().out)
    assert (content["kind"], content["html"]) == ("runs", str(tmp_path / "both.html"))


def test_the_same_run_twice_is_refused(runs):
    with pytest.raises(UsageError, match="/first is named twice"):
        compare_runs([*runs, f"{runs[0]}/../first"], as_json=False)


def test_a_run_and_a_dataset_are_refused(runs, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/dataset.json").write_text("{}")
    with pytest.raises(UsageError, match="data is a dataset") as caught:
        compare_runs([*runs, str(tmp_path / "data")], as_json=False)
    assert "macaw inspect" in caught.value.hint


def test_a_missing_run_is_named(runs):
    with pytest.raises(InputError, match="nowhere"):
        compare_runs([*runs, "nowhere"], as_json=False)


def test_a_url_is_refused(runs):
    with pytest.raises(UsageError, match="is a URL"):
        compare_runs([*runs, "s3://bucket/run"], as_json=False)


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
