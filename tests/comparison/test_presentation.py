"""The table in terminals of several widths."""

from macaw_cli.comparison.candidates import Candidate
from macaw_cli.comparison.designs import Design
from macaw_cli.comparison.presentation import fitting, verdict_lines
from macaw_cli.comparison.pricing import Price
from macaw_cli.reports.tables import Table

TABLE = Table("Designs", ["design", "accuracy", "95 %", "soft tokens", "memory"], [
    ["frame-stack", "0.93", "0.90 0.95", "5 6 24", "561.7 MiB"], ["mlp", "failed", "-", "-", "-"],
])  # fmt: skip


def width(table):
    return sum(max(map(len, cells)) + 3 for cells in zip(table.columns, *table.rows, strict=True)) + 1


def test_a_table_that_fits_stays_whole():
    assert fitting(TABLE, width(TABLE)) == [TABLE]


def test_a_wide_table_is_parted_with_its_first_column_in_every_part():
    parts = fitting(TABLE, 45)
    assert all(width(part) <= 45 and part.columns[0] == "design" for part in parts)
    assert [name for part in parts for name in part.columns[1:]] == TABLE.columns[1:]
    assert [row[0] for row in parts[-1].rows] == ["frame-stack", "mlp"]


def test_an_interval_stays_beside_its_figure_however_narrow_the_terminal():
    assert [part.columns[1:] for part in fitting(TABLE, 5)] == [["accuracy", "95 %"], ["soft tokens"], ["memory"]]


def test_a_verdict_that_several_designs_share_is_told_once():
    mlp, linear = Candidate(Design("mlp")), Candidate(Design("linear"))
    assert verdict_lines([Price(mlp, verdict="fits"), Price(linear, verdict="fits")]) == ["all designs: fits"]
    assert verdict_lines([Price(mlp, verdict="fits"), Price(linear, failure="no")]) == ["mlp: fits", "linear: no"]
    assert verdict_lines([Price(mlp)]) == []
