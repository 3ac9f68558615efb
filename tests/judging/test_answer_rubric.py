"""What the judge of answers is shown, and which replies are marks."""

import json

import pytest

from macaw_cli.evaluation.questions.held_out import Judged
from macaw_cli.judging.answer_rubric import LONGEST, fault_of, judge_messages, read_mark


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"reason": " Same. ", "score": 1}', Judged(1.0, "Same.")),
        ('```json\n{"score": "0.5/1", "reason": null}\n```', Judged(0.5, "")),
        ('I think {"score": "Right"', Judged(1.0, "")),
        ('{"score": "incorrect"}', Judged(0.0, "")),
        ('{"score": false}', Judged(0.0, "")),
        ('{"score": 0.25, "reason": "\\ud800"}', Judged(0.25, "?")),
    ],
)
def test_a_mark_is_read_also_where_its_form_is_a_little_off(text, expected):
    assert read_mark(text) == expected
    assert fault_of(text) == ""


@pytest.mark.parametrize(
    "text", ["", "1", "[1]", "{}", "{" * 5000, '{"score": 2}', '{"score": -0.1}', '{"score": "good"}',
             '{"score": NaN}', '{"score": "nan"}',
             '{"score": "inf"}', '{"score": null}', '{"score": [1]}', '{"score": 4e999}'],
)  # fmt: skip
def test_anything_else_is_a_fault(text):
    assert isinstance(read_mark(text), str)
    assert fault_of(text)


def test_question_references_and_answer_are_shown_as_data_and_long_ones_are_cut():
    system, user = judge_messages([("user", "a"), ("assistant", "b")], 'Which?"}', ["red", "x" * 2 * LONGEST], "\ud800")
    shown = json.loads(user["content"])
    assert shown["question"] == 'Which?"}'
    assert [len(text) for text in shown["references"]] == [3, LONGEST]
    assert shown["answer"] == "?"
    assert [turn["content"] for turn in shown["earlier"]] == ["a", "b"]
    assert "Which?" not in system["content"]
    assert "earlier" not in json.loads(judge_messages([], "q", ["r"], "a")[1]["content"])
