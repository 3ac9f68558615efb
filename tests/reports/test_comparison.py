"""Runs side by side: finished or not, of any version."""

import json

from macaw_cli.reports.comparison import RunComparison
from macaw_cli.reports.comparison_page import write_comparison_page
from macaw_cli.reports.run_record import read_run


def comparison(*folders):
    return RunComparison([read_run(folder) for folder in folders])


def test_only_settings_that_differ_are_told_and_a_missing_one_is_its_default(run):
    first, second = run("first", learning_rate=1e-3), run("second", learning_rate=2e-3)
    settings = first / "settings.yaml"
    settings.write_text(settings.read_text().replace("  log_every: 10\n", ""))
    assert comparison(first, second).different_settings == {"training.learning_rate": [1e-3, 2e-3]}


def test_figures_stand_in_lines_and_what_a_run_lacks_is_a_dash(run):
    rows = {row[0]: row[1:] for row in comparison(run("first"), run("second", steps=8, finished=False, old=True)).rows}
    assert rows["state"] == ["finished", "not finished"]
    assert rows["steps"] == ["60", "8"]
    assert rows["reliance on image"] == ["+0.80", "-"]
    assert rows["best held-out loss"][1] == rows["  after step"][1] == "-"
    assert rows["skipped steps"] == ["1", "0"]


def test_preference_stands_in_a_line_of_its_own(run):
    rows = {row[0]: row[1:] for row in comparison(run("first", free=True), run("second")).rows}
    assert rows["preference for video"] == ["0.62", "-"]


def test_runs_of_the_same_name_are_told_apart_by_their_path(run, tmp_path):
    first, second = run("here/same"), run("there/same")
    assert comparison(first, second).names == [str(first), str(second)]
    assert comparison(first, run("other")).names == ["same", "other"]


def test_it_is_json(run):
    content = json.loads(json.dumps(comparison(run("first"), run("second", epochs=1.0)).as_json()))
    assert [found["name"] for found in content["runs"]] == ["first", "second"]
    assert content["different_settings"] == {"training.epochs": [2.0, 1.0]}
    assert content["runs"][0]["settings"]["llm"] == "models/llm"


def test_the_page_has_their_curves_over_each_other(run, tmp_path):
    page = tmp_path / "comparison.html"
    write_comparison_page(comparison(run("first"), run("_x", loss=3.0), run("third", steps=0, finished=False)), page)
    text = page.read_text()
    assert text.count("<picture>") == 3
    for words in ("first", "_x", "third", "Held-out loss", "best held-out loss"):
        assert words in text
