import numpy as np
import pytest

from macaw_cli.evaluation.figures.figures import report
from macaw_cli.evaluation.figures.reliance import Scored, chance, measure
from macaw_cli.evaluation.intervals import difference_interval


def scored(kind: str, answer: str, *, real: bool, swapped: bool | None = None, unseen: bool = False) -> Scored:
    right = {"real": real, "none": False} | ({} if swapped is None else {"swapped": swapped})
    return Scored(kind, kind.split("/")[0], answer, right, unseen)


def test_chance_is_the_best_constant_answer_per_kind():
    questions = [scored("a", answer, real=True) for answer in "xxxy"] + [
        scored("b", answer, real=True) for answer in "xy"
    ]
    assert chance(questions) == pytest.approx((3 + 1) / 6)


def test_reliance_is_real_minus_swapped_over_the_questions_that_have_both():
    questions = [
        scored("a", "x", real=True, swapped=False),
        scored("a", "y", real=True, swapped=True),
        scored("a", "y", real=False),
    ]
    figures = measure(questions)
    assert (figures["n"], figures["real"], figures["swapped"], figures["reliance"]) == (3, 0.6667, 0.5, 0.5)


def test_the_interval_holds_the_mean_and_shrinks_with_more_questions():
    few, many = (difference_interval(np.array([1.0, 0.0] * n)) for n in (10, 1000))
    assert few[0] < 0.5 < few[1]
    assert many[1] - many[0] < few[1] - few[0]


def test_unseen_and_text_questions_have_lines_of_their_own():
    figures = report(
        "m",
        [
            scored("image/colour", "red", real=True, swapped=False),
            scored("image/colour", "blue", real=False, swapped=False, unseen=True),
            Scored("text/sum", "text", "4", {"real": True}),
        ],
    )
    assert figures["modalities"]["image"]["n"] == figures["kinds"]["image/colour"]["n"] == figures["overall"]["n"] == 1
    assert figures["unseen"]["image"]["real"] == 0.0
    assert figures["text"]["real"] == 1.0
    assert figures["text"]["swapped"] is None


def test_every_measure_has_the_promised_fields():
    assert {"n", "real", "none", "swapped", "chance", "reliance", "ci95"} <= measure(
        [scored("a", "x", real=True, swapped=False)]
    ).keys()
