"""Groundedness: which answers follow from captions, and that it tells planted answers from right ones."""

import runpy
import sys
from pathlib import Path

import pytest
from filter_rows import about

from macaw_cli.config.filters.grounded import GroundedSettings
from macaw_cli.dataset.filters.filter import Surroundings
from macaw_cli.dataset.filters.grounded import GroundedFilter
from macaw_cli.dataset.filters.grounding import known_words, support

BENCHMARK = Path(__file__).parents[3] / "benchmarks/groundedness.py"
CAPTIONS = ["A brown dog chases two balls across the lawn."]


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("What is there?", "A dog.", 1.0),
        ("What is there?", "A cat.", 0.0),
        ("What is there?", "A dog and a cat.", 0.5),
        ("How many balls are there?", "2", 1.0),
        ("How many balls are there?", "Three.", 0.0),
        ("Is there a dog?", "Yes.", 1.0),
        ("Is there a dog?", "No.", 0.0),
        ("Is there a cat?", "No, there is no cat.", 1.0),
        ("Is there a cat?", "Yes, a cat.", 0.0),
        ("Is there a brown cat?", "Yes, it is brown.", 0.5),
        ("Is there a brown dog?", "Yes, it is brown.", 1.0),
        ("What animal is the brown dog?", "A dog.", 1.0),
        ("What do you see?", "It is.", 1.0),
    ],
)
def test_support_is_the_share_of_what_the_answer_brings(question, answer, expected):
    assert support(question, answer, known_words(CAPTIONS)) == expected


def test_the_world_s_right_answers_stand_above_planted_ones(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(BENCHMARK.parent), *sys.path])
    figures = runpy.run_path(str(BENCHMARK))["measured"]()
    assert figures["auc"] >= 0.9
    assert figures["kept right"] >= 0.9
    assert figures["dropped planted"] >= 0.9


def reason(row, **options):
    return GroundedFilter(GroundedSettings(**options), Surroundings()).reason(row)


def test_transcripts_and_boxes_are_known_as_well():
    boxes = [{"category": "cat", "bbox": [0, 0, 1, 1]}] * 3
    assert reason(about("What animal?", "A cat.", captions=CAPTIONS))
    assert not reason(about("What animal?", "A cat.", captions=CAPTIONS, boxes=boxes))
    assert not reason(about("How many cats?", "Three.", boxes=boxes))
    assert reason(about("How many cats?", "Four.", boxes=boxes))
    assert not reason(about("What is said?", "Hello world.", transcript="Hello, world!"))


def test_where_nothing_is_known_or_the_answer_is_that_it_cannot_be_told_all_is_kept():
    assert not reason(about("What animal?", "A cat."))
    assert not reason(about("What animal?", "A cat.", captions=[]))
    assert not reason(about("Whose dog?", "This cannot be told.", captions=CAPTIONS, kind="unanswerable"))


@pytest.mark.parametrize("key", ["captions", "transcript", "boxes"])
@pytest.mark.parametrize("value", [None, 3, {"a": 1}, [None, 3], [{"category": 3}], "", [[]], True])
def test_what_is_known_may_be_of_any_form_where_nothing_has_checked_it(key, value):
    assert reason(about("What animal?", "A cat.", **{key: value})) == ""


def test_the_share_decides():
    row = about("What is there?", "A dog and a cat.", captions=CAPTIONS)
    assert not reason(row, min_share=0.5)
    assert "cat" in reason(row, min_share=0.6)
