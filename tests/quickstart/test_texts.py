"""Text-only tasks."""

import numpy as np

from macaw_cli.quickstart.texts import NUMBERS, all_text_questions, draw_text_questions, is_heldout


def test_every_answer_is_right():
    questions = all_text_questions()
    for question in questions["text/sum"]:
        summands = [NUMBERS.index(word) for word in question.text.lower().strip("?.").split() if word in NUMBERS]
        assert NUMBERS.index(question.answer) == sum(summands)
    assert all(question.answer in question.text for question in questions["text/repeat"])
    opposites = {(q.text, q.answer) for q in questions["text/opposite"]}
    assert ("Opposite of hot?", "cold") in opposites
    assert ("Opposite of cold?", "hot") in opposites


def test_no_question_is_in_both_sides_and_every_answer_can_be_learnt():
    rng = np.random.default_rng(0)
    train, heldout = (draw_text_questions(10_000, rng, heldout=half) for half in (False, True))
    assert not {q.text for q in train} & {q.text for q in heldout}
    assert {q.answer for q in heldout} <= {q.answer for q in train}
    assert all(is_heldout(question) for question in heldout)
