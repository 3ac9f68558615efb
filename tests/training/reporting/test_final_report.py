"""The report at the end: there when all is well, one line when it is not."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))  # the test folders are no packages; written_run.py stands above

from written_run import write_run

from macaw_cli.training.reporting.final_report import draw_report


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "runs/first")


def test_the_last_lines_say_where_the_report_is(run, capsys):
    draw_report(run)
    assert capsys.readouterr().err == f"Report: {run / 'report.html'}\n"
    assert (run / "plots/loss.png").is_file()


def test_a_report_that_cannot_be_drawn_costs_one_line(run, capsys):
    (run / "plots").write_text("a file where a folder should be")
    draw_report(run)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"The report of {run} cannot be drawn")
    assert line.endswith(f"`macaw inspect {run} --html` tries again.")
