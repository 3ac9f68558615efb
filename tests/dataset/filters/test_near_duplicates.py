"""Near-duplicates: what is one, in which bounds, and the planted ones of the benchmark."""

import runpy
import sys
from pathlib import Path

import pytest
from filter_rows import about, said

from macaw_cli.config.filters.near_duplicates import NearDuplicatesSettings
from macaw_cli.dataset.filters.filter import Surroundings
from macaw_cli.dataset.filters.near_duplicates import (
    MISSED,
    PERMUTATIONS,
    NearDuplicatesFilter,
    rows_per_band,
    shingles_of,
    similarity,
)

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
DOG = about("What is the brown dog doing in the park?", "It is chasing a red ball.", id="first")


def found(*rows, **options):
    one = NearDuplicatesFilter(NearDuplicatesSettings(**options), Surroundings())
    return [one.reason_in_order(row) for row in rows]


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    return runpy.run_path(str(BENCHMARKS / "near_duplicates.py"))


def test_of_planted_near_duplicates_98_percent_are_found_at_1_percent_false_positives(benchmark):
    figures = benchmark["measured"](count=500)
    assert figures["recall"] >= 0.98
    assert figures["false positives"] <= 0.01


@pytest.mark.parametrize(
    "other",
    [
        about("In the park, what's the brown dog doing?", "The dog chases a red ball!"),
        about("WHAT IS THE BROWN DOG DOING IN THE PARK", "it was chasing the red balls"),
        about("Can you tell me what the brown dog is doing in this park?", "A red ball is chased."),
    ],
)
def test_other_words_for_the_same_are_a_near_duplicate_which_names_the_first(other):
    first, second = found(DOG, other)
    assert first == ""
    assert "first" in second


@pytest.mark.parametrize(
    "other",
    [
        about("What is the white cat doing in the park?", "It is chasing a grey mouse."),
        about("Where is the brown dog?", "It is in the park."),
        {**DOG, "image": ["b.jpg"]},
    ],
)
def test_other_facts_and_other_media_are_none(other):
    assert found(DOG, other) == ["", ""]


def test_negation_numbers_and_signs_make_a_difference():
    assert found(about("Is it asleep?", "Yes."), about("Is it asleep?", "No.")) == ["", ""]
    assert found(about("How many?", "Two dogs."), about("How many?", "Three dogs.")) == ["", ""]
    assert found(about("How many?", "Two dogs."), about("how many", "2 dogs"))[1]
    assert found(said("The opposite of hot?", "cold"), said("The opposite of cold?", "hot")) == ["", ""]
    assert found(said("How much is 2 + 7?", "9"), said("How much is 2 * 7?", "14")) == ["", ""]


def test_in_the_whole_dataset_other_media_do_not_matter():
    assert found(DOG, {**DOG, "image": ["b.jpg"]}, within="dataset")[1]


def test_the_threshold_and_longer_shingles_ask_for_more():
    other = about("What is the brown dog doing in the park?", "It is chasing a red balloon.")
    assert found(DOG, other, threshold=0.7)[1]
    assert not found(DOG, other, threshold=0.9)[1]
    one, swapped = about("What is seen?", "A dog chases a cat."), about("What is seen?", "A cat chases a dog.")
    assert found(one, swapped)[1]
    assert not found(one, swapped, shingle=2)[1]


def test_a_near_duplicate_that_is_dropped_counts_for_nobody():
    one = about("List them.", "oak elm ash fir")
    two = about("List them.", "oak elm ash fir yew")
    three = about("List them.", "oak elm ash yew box")
    assert similarity(shingles_of(two, 1), shingles_of(three, 1)) >= 0.6
    reasons = found(one, two, three, threshold=0.6)
    assert [bool(reason) for reason in reasons] == [False, True, False]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.9, 1.0])
def test_bands_miss_few_pairs_at_the_threshold(threshold):
    rows = rows_per_band(threshold)
    assert 1 <= rows <= PERMUTATIONS
    assert (1 - threshold**rows) ** (PERMUTATIONS // rows) <= MISSED


@pytest.mark.parametrize("text", ["", "?!", "the of and", "字", "🙂", "\ud800", "1 < 2"])
def test_texts_without_content_words_are_compared_by_what_they_have(text):
    row = about(text, "x")
    assert found(row, row)[1]
    assert shingles_of(said(text, text), 3)


def test_chinese_is_compared_by_characters():
    one = about("图中有什么?", "一只棕色的狗在公园里追球。")
    other = about("图中有什么?", "一只棕色的狗在公园里追着球。")
    assert found(one, other)[1]
    assert not found(one, about("图中有什么?", "三辆红色的汽车停在路边。"))[1]


def test_many_conversations_are_filtered_the_same_each_time():
    rows = [about(f"What is thing {n % 17} like?", f"It has {n % 5} parts and {n % 3} colors.") for n in range(150)]
    assert found(*rows) == found(*rows)
    assert any(found(*rows))
