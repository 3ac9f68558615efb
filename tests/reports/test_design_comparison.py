"""Designs as a table, as JSON and as a page."""

import json
from pathlib import Path

import pytest
from compared_runs import write_compared_run
from matplotlib.figure import Figure

from macaw_cli.basics.errors import InputError
from macaw_cli.comparison.existing import compare_existing
from macaw_cli.reports.design_comparison import DesignComparison, DesignReport, Measured, interval, short, told
from macaw_cli.reports.design_page import require_kept_runs, write_design_page
from macaw_cli.reports.design_plots import design_plots, frontier, mean_curve
from macaw_cli.reports.run_record import RunRecord

EMPTY = RunRecord(Path("run"), [], {}, {}, {})


@pytest.fixture
def comparison(tmp_path):
    runs = [
        write_compared_run(tmp_path / "a", right=(1, 1, 1, 0)),
        write_compared_run(tmp_path / "b", bridge="linear", right=(1, 0, 0, 0)),
    ]
    found = compare_existing(runs)
    failed = DesignReport("q-former", failures=["<b>too large</b>"])
    return DesignComparison([*found.designs, failed], 1, ["The runs & more."])


def test_each_design_is_a_row_and_a_failed_one_too(comparison):
    table = comparison.table()
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert rows["mlp"]["accuracy"] == "0.75"
    assert rows["linear"]["accuracy to mlp"] == "-0.50" and rows["linear"]["n"] == "4"
    assert rows["mlp"]["accuracy to mlp"] == "-"
    assert rows["q-former"]["accuracy"] == "failed"
    assert comparison.best.name == "mlp"


def test_a_long_name_of_the_first_design_is_cut_in_the_head_of_the_differences(tmp_path):
    bridge = {"name": "macaw", "heads": 4, "image_tokens": 5, "audio_tokens": 6}
    runs = [write_compared_run(tmp_path / "a", bridge=bridge), write_compared_run(tmp_path / "b")]
    assert "accuracy to macaw image_tokens=5 ..." in compare_existing(runs).table().columns


def test_reliance_is_told_per_modality(comparison):
    table = comparison.reliance_table()
    assert table.columns == ["design", "image", "95 %", "n", "audio", "95 %", "n"]
    assert [row[:2] for row in table.rows] == [["mlp", "1.00"], ["linear", "0.50"]]


def test_json_holds_every_figure(comparison):
    content = json.loads(json.dumps(comparison.as_json()))
    mlp, linear, failed = content["designs"]
    assert mlp["quality"]["image/colour"]["accuracy"]["value"] == 1.0
    assert linear["difference"]["value"] == -0.5
    assert (failed["runs"], failed["failures"]) == ([], ["<b>too large</b>"])
    assert content["warnings"] == ["The runs & more."]


def test_the_page_has_tables_and_plots_and_escapes_what_it_shows(comparison, tmp_path):
    write_design_page(comparison, tmp_path / "compare.html")
    text = (tmp_path / "compare.html").read_text()
    assert text.count("<picture>") == 4  # no soft tokens are known
    for words in ("&lt;b&gt;too large", "The runs &amp; more.", "linear", "Accuracy per modality and kind"):
        assert words in text
    assert "<b>too" not in text


def test_designs_that_were_asked_differently_much_have_each_its_number_of_questions(tmp_path):
    runs = [
        write_compared_run(tmp_path / "a", right=(1, 1, 1, 0)),
        write_compared_run(tmp_path / "b", bridge="linear", right=(1, 0)),
    ]
    comparison = compare_existing(runs)
    table = comparison.table()
    assert [row[table.columns.index("n")] for row in table.rows] == ["4", "2"]
    assert any("different questions" in warning for warning in comparison.warnings)
    write_design_page(comparison, tmp_path / "compare.html")
    text = (tmp_path / "compare.html").read_text()
    assert "<th>n</th>" not in text.partition("Accuracy per modality and kind")[0].rpartition("Accuracy per")[2]
    assert "Warning: The runs were asked" in text and "look:" not in text.partition("</style>")[2]


def test_a_page_is_not_replaced_by_one_that_lacks_its_runs(tmp_path):
    for name in ("a & b", "c"):
        write_compared_run(tmp_path / name)
    page = tmp_path / "compare.html"
    require_kept_runs(page, [])
    write_design_page(compare_existing([tmp_path / "a & b", tmp_path / "c"]), page)
    require_kept_runs(page, ["a & b", "c", "d"])
    with pytest.raises(InputError, match="a & b") as raised:
        require_kept_runs(page, ["c"])
    assert "--out" in raised.value.hint


def test_designs_without_choices_are_compared_by_preference():
    free = {"all with media": {"preference": Measured(0.6, [0.5, 0.7], 9)}}
    assert DesignComparison([DesignReport("a", quality=free)]).quality == "accuracy"  # none has a run
    assert DesignComparison([DesignReport("a", [EMPTY], free)]).quality == "preference"


def test_a_design_is_on_the_frontier_unless_another_is_as_cheap_and_better():
    assert frontier([(1, 0.5), (2, 0.4), (2, 0.9), (3, 0.9), (4, 1.0)]) == [(1, 0.5), (2, 0.9), (4, 1.0)]


def test_costs_far_apart_stand_on_a_logarithmic_axis_with_plain_numbers():
    seen = {"all with media": {"accuracy": Measured(0.6, None, 9)}, "image": {"accuracy": Measured(0.6, None, 9)}}
    designs = [DesignReport(str(tokens), [EMPTY], seen, soft_tokens={"image": tokens}) for tokens in (5, 5, 384)]
    (plot,) = [one for one in design_plots(DesignComparison(designs)) if one.name == "tokens"]
    figure = Figure()
    plot.draw(figure)
    figure.canvas.draw()
    (axes,) = figure.axes
    shown = [label.get_text() for label in [*axes.get_xticklabels(), *axes.get_xticklabels(minor=True)]]
    assert axes.get_xscale() == "log"
    assert {"10", "100"} < set(shown) and not any("$" in label for label in shown)
    assert axes.dataLim.intervalx.tolist() == [5, 384]


def test_the_mean_of_curves_is_taken_where_all_have_a_point():
    assert mean_curve([[(1, 2.0), (2, 4.0)], [(2, 6.0), (3, 1.0)]]) == [(2, 5.0)]
    assert mean_curve([]) == mean_curve([[]]) == []


def test_figures_are_short():
    counts = (None, 950, 12_345, 999_900, 7_000_000_000)
    assert [short(count) for count in counts] == ["-", "950", "12.3 k", "1 M", "7 G"]
    one = Measured(0.5, [0.25, 0.75], 4, 0.125)
    assert (told(one, "+"), interval(one), told(None), interval(None)) == ("+0.50 ±0.12", "0.25 0.75", "-", "-")
