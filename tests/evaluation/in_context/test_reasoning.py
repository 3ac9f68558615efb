from dataclasses import replace
from types import SimpleNamespace

import pytest

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.evaluation_settings import EvaluationSettings
from macaw_cli.config.loading import parse_settings
from macaw_cli.evaluation.in_context.in_context import ask_in_context
from macaw_cli.evaluation.in_context.reasoning import (
    _behind,
    read_answer,
    reasoning_figures,
)
from macaw_cli.evaluation.in_context.reasoning_table import REASONING_COLUMNS, reasoning_lines, reasoning_rows
from macaw_cli.evaluation.questions.held_out import HeldOut, Reasoned
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.requests import EndEvent
from macaw_cli.model.folder import load_model
from macaw_cli.shards.training_dataset import TrainingDataset

PATTERN = EvaluationSettings().answer_pattern
COLOURS = ("red", "light green", "blue")


@pytest.mark.parametrize(("text", "choices", "expected"), [
    ("It is round. The answer is (B).", COLOURS, "light green"),
    ("the answer is: light green.", COLOURS, "light green"),
    ("The answer is (A). No, wait. The answer is (C).", COLOURS, "blue"),
    ("The answer is b", COLOURS, "light green"),
    ("The answer is (D).", COLOURS, None),
    ("The answer is purple.", COLOURS, None),
    ("I cannot say.", COLOURS, None),
    ("", COLOURS, None),
    ("So 2 + 1.5 = 3.5. The answer is 3.5.", (), "3.5"),
    ("The answer is a blue bird.\n", (), "a blue bird"),
    ("The answer is (A).", ("A", "B"), "A"),
    ("The answer is a.", ("a", "the"), "a"),
])  # fmt: skip
def test_the_last_answer_that_a_text_gives_is_read(text, choices, expected):
    assert read_answer(text, PATTERN, choices) == expected


def test_failed_parses_are_counted_and_wrong():
    questions = [
        question("red", {"real": Reasoned("..", "red", True)}, {"real": True}),
        question("red", {"real": Reasoned("..", None, False)}, {"real": True}),
        question("red", {"real": Reasoned("..", "blue", False)}, {"real": False}),
    ]
    figures = reasoning_figures(questions, "one-prompt")
    assert figures["real"] == {"n": 3, "accuracy": 0.3333, "failed": 1, "direct": 0.6667}
    assert all(len(row) == len(REASONING_COLUMNS) for row in reasoning_rows({"reasoning": figures}))


def question(answer, reasoned, right):
    row = SimpleNamespace(kind="image/colour", choices=list(COLOURS), media=(), tags=())
    return HeldOut(row, [{"role": "assistant", "content": answer}], reasoned=reasoned, right=right)


@pytest.fixture(scope="module")
def dataset(trained):
    return TrainingDataset(trained.path(trained.settings.dataset.out))


@pytest.fixture(scope="module")
def model_and_encoder(trained):
    model, processor = load_model(trained.path("runs/short/model"))
    return model.eval(), processor.encoder


def asked_of(trained, model_and_encoder, dataset, monkeypatch, **settings):
    """The questions, and for each request of the engine its prompt as text and its answer."""
    seen = []
    generate = Engine.generate

    def generated(self, requests):
        for event in generate(self, requests):
            if isinstance(event, EndEvent):
                request = requests[event.number]
                text = self.tokenizer.decode([token for token in request.prompt if token < 256])
                seen.append((text, event.text, request.max_new_tokens))
            yield event

    monkeypatch.setattr(Engine, "generate", generated)
    few = {"limit": 4, "generate": 1, "max_new_tokens": 4, "reasoning_tokens": 6}
    settings = replace(trained.settings.evaluation, **few | settings)
    questions, figures = ask_in_context(*model_and_encoder, dataset, settings, seed=0)
    return questions, figures, seen


def test_one_prompt_asks_for_reasoning_and_answer_behind_question_and_options(
    trained, model_and_encoder, dataset, monkeypatch
):
    questions, figures, seen = asked_of(trained, model_and_encoder, dataset, monkeypatch, reasoning="one-prompt")
    image = next(one for one in questions if one.modality == "image")
    prompts = [text for text, _, longest in seen if longest == 6]
    words = "Which?\nOptions: (A) red (B) green (C) blue (D) yellow\nThink step by step. End with: The answer is (X)."
    assert sum(words in text for text in prompts) >= 2
    assert image.reasoned.keys() == {"real", "swapped"}
    assert figures["reasoning"]["kinds"]["image/colour"]["real"]["n"] == 1


def test_the_answer_is_asked_given_question_and_rationale(trained, model_and_encoder, dataset, monkeypatch):
    questions, _, seen = asked_of(
        trained, model_and_encoder, dataset, monkeypatch, reasoning="rationale-then-answer", shots=1
    )
    image = next(one for one in questions if one.modality == "image")
    rationale = image.reasoned["real"].text
    first = [text for text, answer, longest in seen if longest == 6 and answer == rationale]
    assert first
    second = [text for text, _, longest in seen if longest == 4]
    assert any(f"Solution: {rationale}\nEnd with: The answer is (X)." in text for text in second)


def test_what_the_positions_do_not_hold_is_cut_and_a_question_alone_that_is_too_long_counts_as_failed(
    trained, model_and_encoder, dataset, monkeypatch
):
    lengths = {}
    generate = Engine.generate

    def generated(self, requests):
        for request in (one for one in requests if one.max_new_tokens == 30 or 30 in lengths):
            lengths.setdefault(request.max_new_tokens, []).append(len(request.prompt))
        return generate(self, requests)

    monkeypatch.setattr(Engine, "generate", generated)
    how = {"reasoning": "rationale-then-answer", "shots": 2, "reasoning_tokens": 30}

    def asked(positions):
        lengths.clear()
        monkeypatch.setattr("macaw_cli.evaluation.in_context.reasoning.position_table_of", lambda llm: positions)
        questions, _, _ = asked_of(trained, model_and_encoder, dataset, monkeypatch, **how)
        return [one for question in questions for one in question.reasoned.values()]

    everything = asked(None)
    shortest, longest = min(lengths[30]), max(lengths[4])
    assert all(len(one.text) > 0 for one in everything) and shortest < longest
    for positions in (longest - 5, shortest - 20):
        fewer = asked(positions)
        assert len(fewer) == len(everything)
        assert max(lengths[4]) + 4 <= positions and max(lengths[30]) < positions
    assert all(one.text == "" and one.answer is None and not one.right for one in asked(8))


def test_more_options_than_letters_stand_without_letters():
    many = [f"c{at}" for at in range(30)]
    row = SimpleNamespace(kind="k", choices=many, media=(), tags=())
    asked = _behind(HeldOut(row, [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": "c29"}]), "!")
    assert asked.messages[0]["content"] == f"Which?\nOptions: {', '.join(many)}\n!"
    assert read_answer("The answer is c29.", PATTERN, many) == "c29"
    assert read_answer("The answer is (B).", PATTERN, many) is None


@pytest.mark.parametrize(("pattern", "told"), [("the answer is", "group"), ("(", "regular expression")])
def test_a_pattern_without_an_answer_is_refused(pattern, told):
    with pytest.raises(UsageError, match=told):
        parse_settings({"evaluation": {"answer_pattern": pattern}}, "test")


def test_answers_that_cannot_be_read_are_told_in_a_line():
    seen = {"n": 4, "accuracy": 0.0, "direct": None}
    told = [
        reasoning_lines({"reasoning": {"how": "one-prompt", "real": seen | {"failed": failed}, "kinds": {}}})
        for failed in (0, 1, 4)
    ]
    assert reasoning_lines({}) == told[0] == []
    assert "1 of 4" in told[1][0] and "answer_pattern" not in told[1][0]
    assert "4 of 4" in told[2][0] and "answer_pattern" in told[2][0]
