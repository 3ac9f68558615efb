"""The report at the end: there when all is well, one line when it is not."""


import pytest
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


def test_a_training_ends_with_its_report_and_rows_that_it_is_made_of(workspace, capsys):
    from macaw_cli.reports.figures import run_figures
    from macaw_cli.reports.run_record import read_run
    from macaw_cli.training.run import train

    place = workspace(report=True, max_steps=2, name="told")
    train(place)
    folder = place.root / "runs/told"
    assert f"Report: {folder / 'report.html'}" in capsys.readouterr().err
    assert "<picture>" in (folder / "report.html").read_text()
    assert "Does the model use its media?" in (folder / "report.html").read_text()
    figures = run_figures(read_run(folder))
    assert {name: found["category"] for name, found in figures["verdict"].items()} == dict.fromkeys(
        figures["accuracy"],
        "unknown",  # two questions of each
    )
    assert {"audio", "video"} <= set(figures["preference"])  # both images have the same answer
    assert (figures["steps"], figures["finished"], figures["skipped_steps"]) == (2, True, 0)
    assert set(figures["accuracy"]) == {"image", "audio", "video"}
    assert {"load", "forward", "backward", "optimizer", "checkpoint", "validation"} == set(figures["time"])
