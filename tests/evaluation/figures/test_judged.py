"""Figures of a judge's scores."""

from macaw_cli.evaluation.all_tables import tables_of
from macaw_cli.evaluation.figures.figures import report
from macaw_cli.evaluation.figures.judged import measure_judged
from macaw_cli.evaluation.figures.reliance import Scored
from macaw_cli.evaluation.figures.thresholds import named_figures
from macaw_cli.evaluation.judge_table import JUDGE_COLUMNS


def test_reliance_is_paired_over_the_questions_that_have_both_scores():
    figures = measure_judged([{"real": 1.0, "swapped": 0.0}, {"real": 0.5, "swapped": 0.5}, {"real": 0.0}, {}])
    assert figures == {
        "n": 3, "real": 0.5, "swapped": 0.25, "paired": 2, "reliance": 0.5, "ci95": [-0.5626, 1.0]
    }  # fmt: skip


def test_without_pairs_there_is_no_reliance_and_without_scores_nothing():
    assert measure_judged([{}, {}]) == {}
    assert measure_judged([{"real": 1.0, "none": 0.0}]) == {
        "n": 1, "real": 1.0, "none": 0.0, "paired": 0, "reliance": None, "ci95": None
    }  # fmt: skip


def test_the_judge_stands_in_every_group_in_a_table_of_its_own_and_can_be_a_threshold():
    scores = [{"real": 1.0, "swapped": 0.0}] * 2
    figures = report("m", [Scored("describe", "image", "a", judged=one) for one in scores])
    assert {name: figures[name]["judge"]["reliance"] for name in ("overall",)} == {"overall": 1.0}
    assert figures["kinds"]["describe"]["judge"] == figures["modalities"]["image"]["judge"]
    (rows,) = (rows for _, columns, rows in tables_of(figures) if columns == JUDGE_COLUMNS)
    assert rows == [[name, "2", "1.00", "-", "0.00", "1.00", "-0.35 +1.00"] for name in ("describe", "all with media")]
    assert named_figures(figures)["image.judge.reliance"] == named_figures(figures)["judge.reliance"] == 1.0
