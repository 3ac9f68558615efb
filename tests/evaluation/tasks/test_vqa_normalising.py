"""Figures of the official VQA script, worked out by its rules."""

import pytest

from macaw_cli.evaluation.tasks.vqa_normalising import normalised, soft_accuracy


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("The cat", "cat"),
        ("two", "2"),
        ("None", "0"),
        ("dont", "don't"),
        ("couldnt've", "couldn't've"),
        ("somebody'd", "somebodyd"),  # as the official list has it
        ("red/blue", "red blue"),
        ("red / blue", "red blue"),
        ("red/blue, or not", "red blue or not"),
        ("1,000", "1000"),
        ("1,000-2,000", "10002000"),  # with a number of thousands every mark vanishes
        ("3.5", "3.5"),
        ("yes.", "yes"),
        ("u.s.", "us"),
        ("it's", "it's"),
        ("a b an the c", "b c"),
        ("", ""),
    ],
)
def test_answers_are_normalised_as_the_official_script_does(answer, wanted):
    assert normalised(answer) == wanted


@pytest.mark.parametrize(
    ("matches", "accuracy"), [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (9, 1.0)]
)  # fmt: skip
def test_the_soft_accuracy_is_the_mean_over_the_subsets_of_nine_people(matches, accuracy):
    people = ["cat"] * matches + [f"dog {number}" for number in range(10 - matches)]
    assert soft_accuracy("a cat", people) == pytest.approx(accuracy)


def test_nothing_is_normalised_where_all_people_agree():
    assert soft_accuracy("a cat", ["cat"] * 10) == 0
    assert soft_accuracy(" Cat\n", ["cat"] * 10) == 1
