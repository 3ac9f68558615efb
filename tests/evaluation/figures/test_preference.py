"""Gap and preference on likelihoods made by hand: as of a model that looks, and of one that does not."""

import math

import numpy as np
import pytest

from macaw_cli.evaluation.figures.preference import gaps, measure_preference, preferences
from macaw_cli.evaluation.figures.reliance import Scored, measure


def sentences(own: np.ndarray, other: np.ndarray, tokens: int = 8) -> list[Scored]:
    """Questions without choices whose reference answer has these log-likelihoods."""
    return [
        Scored("audio/words", "audio", f"a sentence {n}", likelihood={"real": a, "swapped": b}, tokens=tokens)
        for n, (a, b) in enumerate(zip(own.tolist(), other.tolist(), strict=True))
    ]


def test_a_model_that_looks_prefers_the_answers_to_its_own_media():
    draw = np.random.default_rng(0)
    own = draw.normal(-4.0, 1.0, 600)
    figures = measure(sentences(own, own - draw.normal(6.0, 2.0, 600)))
    assert figures["preference"] >= 0.95
    assert figures["gap"] == pytest.approx(6.0 / 8, abs=0.05)
    assert figures["gap_ci95"][0] < 6.0 / 8 < figures["gap_ci95"][1]
    assert (figures["real"], figures["reliance"], figures["chance"], figures["retention"]) == (None,) * 4


def test_a_blind_model_prefers_either_in_half_of_the_questions():
    draw = np.random.default_rng(1)
    own, other = draw.normal(-4.0, 1.0, 3000), draw.normal(-4.0, 1.0, 3000)
    figures = measure(sentences(own, other))
    assert figures["preference"] == pytest.approx(0.5, abs=0.03)
    assert figures["preference_ci95"][0] < 0.5 < figures["preference_ci95"][1]
    assert figures["gap_ci95"][0] < 0 < figures["gap_ci95"][1]


def test_ties_count_half_also_where_rounding_hides_them():
    gap = gaps([(-3.0, -3.0, 4), (-3.0, -3.00001, 4), (-3.0, -5.0, 4), (-5.0, -3.0, 4)])
    assert preferences(gap).tolist() == [0.5, 0.5, 1.0, 0.0]
    assert measure_preference([(-3.0, -3.0, 4)]) == {
        "gap": 0.0, "gap_ci95": None, "preference": 0.5, "preference_ci95": [0.0546, 0.9454],
        "preference_n": 1, "non_finite": 0,
    }  # fmt: skip


def test_the_gap_is_per_token_of_the_answer():
    assert gaps([(-2.0, -12.0, 5), (-2.0, -12.0, 10)]).tolist() == [2.0, 1.0]


def test_likelihoods_that_are_not_finite_are_left_out():
    assert gaps([(-1.0, -math.inf, 2), (math.nan, -1.0, 2), (-1.0, -2.0, 2)]).tolist() == [0.5]
    assert measure_preference([(math.nan, math.nan, 2)])["preference"] is None
    figures = measure(sentences(np.array([-1.0, -2.0, math.nan]), np.array([-2.0, -math.inf, -1.0])))
    assert (figures["n"], figures["preference_n"], figures["non_finite"]) == (3, 1, 2)


def test_questions_with_choices_have_a_preference_too():
    question = Scored("a", "image", "x", {"real": True, "swapped": False}, likelihood={"real": -1.0, "swapped": -3.0})
    assert measure([question])["preference"] == 1.0
