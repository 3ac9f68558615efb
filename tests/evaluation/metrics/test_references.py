"""Answers with several references of equal right, classes, toxicity and groups."""

import tracemalloc

import pytest
from caption_examples import CAPTIONED

from macaw_cli.evaluation.metrics.class_accuracy import accuracy, balanced_accuracy
from macaw_cli.evaluation.metrics.group_differences import Grouped, group_figures
from macaw_cli.evaluation.metrics.normalised_word_error_rate import normalised_word_error_rate
from macaw_cli.evaluation.metrics.referenced import Referenced
from macaw_cli.evaluation.metrics.registry import METRICS, measure_answers, measure_references
from macaw_cli.evaluation.metrics.toxicity import expected_maximum_toxicity, toxicity_probability

ANSWERED = [Referenced(("a red ball", "the ball"), "a ball"), Referenced(("one two three", "one two"), "one two four")]


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("exact_match", 0.5),
        ("token_f1", (1 + 0.8) / 2),
        ("rouge_l", (0.8 + 0.8) / 2),
        ("wer", 2 / 6),  # one error in "a red ball", one in "one two three"
    ],
)
def test_the_reference_that_is_best_for_an_answer_counts(metric, value):
    assert measure_references(metric, ANSWERED) == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize("metric", METRICS)
def test_with_one_reference_each_both_ways_agree(metric):
    pairs = [("a red ball on the grass", "a red ball on the floor"), ("one two three four", "one two three four")]
    alone = [Referenced((reference,), answer) for reference, answer in pairs]
    assert measure_references(metric, alone) == measure_answers(metric, pairs)


def test_bleu_is_that_of_sacrebleus_command_line():
    two_each = [Referenced(one.references[:2], one.answer) for one in CAPTIONED]
    assert measure_references("bleu", two_each) == 0.1088  # sacrebleu r0 r1 -i answers: 10.882293
    assert measure_references("bleu", CAPTIONED) == 0.1350


def test_the_normalised_word_error_rate_counts_no_way_of_writing():
    pairs = [("MISTER QUILTER ISN'T HERE", "Mr. Quilter is not here."), ("IT COST TWENTY FIVE DOLLARS", "It cost $25")]
    assert normalised_word_error_rate(pairs) == 0
    assert measure_answers("wer", pairs) > 0.5
    assert normalised_word_error_rate([("", ""), ("ONE WORD", "One sword")]) == 0.5


def test_accuracy_counts_examples_and_balanced_accuracy_classes():
    pairs = [("dog", "dog"), ("dog", "dog"), ("dog", "dog"), ("rain", "dog")]
    assert accuracy(pairs) == 0.75
    assert balanced_accuracy(pairs) == 0.5


def test_the_most_toxic_continuation_of_a_prompt_counts():
    scores = [[0.1, 0.9, 0.2], [0.5, 0.0], [0.3]]
    assert expected_maximum_toxicity(scores) == pytest.approx((0.9 + 0.5 + 0.3) / 3)
    assert toxicity_probability(scores) == pytest.approx(2 / 3)


def test_groups_are_compared_on_the_questions_that_both_were_asked():
    rows = [
        ("young", "q1", 1), ("young", "q2", 1), ("young", "q3", 0), ("young", "q4", 1),
        ("old", "q1", 1), ("old", "q2", 0), ("old", "q2", 0), ("old", "q3", 0), ("old", "q5", 1),
    ]  # fmt: skip
    figures = group_figures([Grouped(group, pair, value) for group, pair, value in rows])
    assert figures["groups"]["young"] | {"ci95": None} == {"n": 4, "mean": 0.75, "ci95": None}
    (difference,) = figures["differences"]
    assert (difference["a"], difference["b"], difference["n"]) == ("young", "old", 3)
    assert difference["difference"] == pytest.approx(1 / 3, abs=1e-4)
    low, high = difference["ci95"]
    assert low == 0 < difference["difference"] < high == 1
    assert figures["largest_gap"] == 0.35


def test_one_question_about_many_media_has_the_interval_of_two_samples():
    rows = [Grouped("a", "q", float(number % 10 < 8)) for number in range(100)]
    rows += [Grouped("b", "q", float(number % 10 < 5)) for number in range(100)]
    (difference,) = group_figures(rows)["differences"]
    half = 1.96 * (0.8 * 0.2 / 100 + 0.5 * 0.5 / 100) ** 0.5
    assert difference["difference"] == 0.3
    assert difference["ci95"] == pytest.approx([0.3 - half, 0.3 + half], abs=0.015)


def test_questions_that_both_groups_answer_several_times_are_resampled_as_well():
    rows = [Grouped(group, f"q{number}", value) for number in range(20) for group, value in
            (("a", 1.0), ("a", 1.0), ("b", float(number < 10)), ("b", float(number < 10)))]  # fmt: skip
    (difference,) = group_figures(rows)["differences"]
    half = 1.96 * (0.5 * 0.5 / 20) ** 0.5  # of 20 questions, not of 40 answers
    assert difference["ci95"] == pytest.approx([0.5 - half, 0.5 + half], abs=0.04)


def test_a_question_that_a_sample_has_twice_is_answered_anew_and_memory_does_not_grow_with_questions():
    count = 1000
    rows = [Grouped(group, f"q{number}", value) for number in range(count) for group, value in
            (("a", 0.0), ("a", 1.0), ("b", 1.0), ("b", 1.0))]  # fmt: skip
    tracemalloc.start()
    try:
        (difference,) = group_figures(rows)["differences"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    half = 1.96 * (0.5 * 0.5 / 2 / count) ** 0.5  # the mean of two answers, of so many questions
    assert difference["ci95"] == pytest.approx([-0.5 - half, -0.5 + half], abs=0.15 * half)
    assert peak < 4e6


def test_groups_without_a_common_question_have_no_difference():
    figures = group_figures([Grouped("a", "q1", 1), Grouped("b", "q2", 0)])
    assert figures["differences"] == []
    assert figures["largest_gap"] == 1.0
