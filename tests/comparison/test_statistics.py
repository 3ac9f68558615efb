"""Means, intervals, spreads over seeds and paired differences, against numbers worked out by hand or by numpy."""

import numpy as np
import pytest

from macaw_cli.comparison.statistics import difference, quality_of, quality_of_figures
from macaw_cli.evaluation.figures.answers import Answer
from macaw_cli.evaluation.intervals import bootstrap_interval, difference_interval, wilson_interval


def answers(right, swapped=None, modality="image", kind="image/colour"):
    """One answer for each 1 or 0."""
    swapped = swapped or [0] * len(right)
    return {
        f"{kind} {number}": Answer(modality, kind, float(real), float(real - other), 0.5)
        for number, (real, other) in enumerate(zip(right, swapped, strict=True))
    }


def test_one_seed_has_the_intervals_of_an_evaluation_and_no_spread():
    found = quality_of([answers([1, 1, 0, 1], [0, 1, 0, 0])])["image"]
    assert (found["accuracy"].value, found["accuracy"].n, found["accuracy"].spread) == (0.75, 4, None)
    assert found["accuracy"].ci95 == wilson_interval(0.75, 4)
    assert found["reliance"].value == 0.5
    assert found["reliance"].ci95 == difference_interval(np.array([1.0, 0.0, 0.0, 1.0]))
    assert found["preference"].ci95 == wilson_interval(0.5, 4)


def test_a_question_counts_as_its_mean_over_seeds_and_the_spread_is_told():
    seeds = [answers([1, 1, 0, 0]), answers([1, 1, 1, 1])]
    found = quality_of(seeds)["all with media"]["accuracy"]
    assert found.value == 0.75
    assert found.ci95 == bootstrap_interval(np.array([1.0, 1.0, 0.5, 0.5]))
    assert found.spread == pytest.approx(np.std([0.5, 1.0], ddof=1), abs=1e-4)


def test_lines_are_all_questions_then_modalities_with_their_kinds():
    one = answers([1], kind="b/x", modality="audio") | answers([1], kind="a") | answers([0], kind="c")
    assert list(quality_of([one])) == ["all with media", "image", "  a", "  c", "audio", "  b/x"]


def test_a_kind_of_two_modalities_names_them_and_one_called_like_its_modality_is_left_out():
    others = {"x": Answer("video", "who", 1.0, 1.0, 1.0), "y": Answer("audio", "audio", 1.0, 1.0, 1.0)}
    found = quality_of([answers([1], kind="who") | others])
    assert list(found) == ["all with media", "image", "  who (image)", "audio", "video", "  who (video)"]


def test_a_difference_is_paired_question_by_question():
    ours, first = [answers([1, 1, 1, 0])], [answers([1, 0, 0, 0])]
    found = difference(ours, first, "accuracy")
    assert (found.value, found.n) == (0.5, 4)
    assert found.ci95 == difference_interval(np.array([0.0, 1.0, 1.0, 0.0]))


def test_a_difference_is_of_the_questions_that_both_have():
    ours, first = [answers([1, 1])], [answers([0, 1, 0])]
    assert difference(ours, first, "accuracy").n == 2
    assert difference(ours, [answers([1], kind="other")], "accuracy") is None


def test_a_difference_of_seeds_tells_how_much_they_differ():
    ours, first = [answers([1, 1]), answers([1, 0])], [answers([0, 0]), answers([1, 0])]
    found = difference(ours, first, "accuracy")
    assert found.value == 0.5
    assert found.spread == pytest.approx(np.std([1.0, 0.0], ddof=1), abs=1e-4)
    assert difference(ours, first[:1], "accuracy").spread is None


def test_questions_without_choices_have_no_accuracy():
    free = {"1": Answer("image", "what", None, None, 1.0), "2": Answer("image", "what", None, None, 0.0)}
    assert set(quality_of([free])["image"]) == {"preference"}
    assert difference([free], [free], "accuracy") is None
    assert difference([free], [free], "preference").value == 0.0


def test_the_figures_of_a_validation_stand_in_for_single_answers():
    seen = {"n": 8, "with_choices": 8, "real": 0.5, "reliance": 0.25, "ci95": [0.0, 0.5], "paired": 6,
            "preference": None}  # fmt: skip
    found = quality_of_figures({"overall": seen, "modalities": {"image": seen}, "kinds": {"image/colour": seen}})
    assert list(found) == ["all with media", "image", "  image/colour"]
    assert found["image"]["accuracy"].ci95 == wilson_interval(0.5, 8)
    assert (found["image"]["reliance"].ci95, found["image"]["reliance"].n) == ([0.0, 0.5], 6)
    assert quality_of_figures({}) == {}
