"""Conversations of several turns: each answer is a question, and one row of a batch scores all of them."""

import json
from pathlib import Path

import pytest
import torch

from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.dataset.build import build_dataset
from macaw_cli.evaluation.asking import scoring, shared_turns
from macaw_cli.evaluation.asking.generating import AnswerLimits
from macaw_cli.evaluation.evaluate import evaluate_model, figures_of
from macaw_cli.evaluation.presentation import COLUMNS, turn_rows
from macaw_cli.evaluation.questions.conditions import told_without_media, without_media
from macaw_cli.evaluation.questions.held_out import held_out_questions
from macaw_cli.evaluation.questions.pools import Question
from macaw_cli.evaluation.questions.turns import partners_of_turns, turns_of
from macaw_cli.model.folder import load_model
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.shards.training_rows import ConversationRow, MediaRef

TURNS = 3


@pytest.fixture(scope="module")
def dataset(trained, tmp_path_factory):
    """Dialogues about the tiny world's images; the second image of every other one comes with the last question."""
    folder = tmp_path_factory.mktemp("dialogues")
    world = Path(trained.settings.dataset.out).parent
    rows = [json.loads(line) for line in (world / "questions.jsonl").read_text().splitlines()]
    images = [(row["image"], row["messages"][-1]["content"]) for row in rows if row.get("image")]
    dialogues = [_dialogue(number, *images[number], images[number - 1]) for number in range(12)]
    (folder / "dialogues.jsonl").write_text("".join(json.dumps(row) + "\n" for row in dialogues))
    tree = {"dataset": {"sources": ["jsonl:dialogues.jsonl"], "features": [str(world / "features")]}}
    build_dataset(Workspace(folder, parse_settings(tree, "test")))
    return TrainingDataset(folder / "dataset")


def _dialogue(number, image, colour, other):
    image, more = (one if isinstance(one, list) else [one] for one in (image, other[0]))
    second = number % 2 == 0
    last = [{"type": "image"}, {"type": "text", "text": "And here?"}] if second else "Which colour was it?"
    return {
        "id": f"d{number}", "split": "val", "kind": "dialogue", "image": image + (more if second else []),
        "choices": sorted({"red", "green", "blue", colour, other[1]}),
        "messages": [
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Look."}]},
            {"role": "assistant", "content": f"I see {colour} in {number}."},
            {"role": "user", "content": "Say more."}, {"role": "assistant", "content": f"All {colour}, {number}."},
            {"role": "user", "content": last}, {"role": "assistant", "content": other[1] if second else colour},
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def model_and_encoder(trained):
    model, processor = load_model(trained.path("runs/short/model"))
    return model.eval(), processor.encoder


@pytest.fixture(scope="module")
def answered(model_and_encoder, dataset):
    return evaluate_model(*model_and_encoder, dataset)


def test_each_answer_is_a_question_with_the_media_that_were_attached_by_then(answered):
    assert [(one.turn, one.turns) for one in answered] == [(turn, TURNS) for _ in range(12) for turn in (1, 2, 3)]
    for first, second, last in zip(answered[::3], answered[1::3], answered[2::3], strict=True):
        assert first.row.media == second.row.media == last.row.media[:1]
        assert (len(first.messages), len(second.messages), len(last.messages)) == (2, 4, 6)
        assert (first.row.choices, second.row.choices) == (None, None)
        assert last.right.keys() >= {"real", "none", "told"}
        assert not first.right


def test_the_likelihood_of_each_turn_is_that_behind_the_reference_answers_before_it(
    model_and_encoder, dataset, answered
):
    model, encoder = model_and_encoder
    for question in answered[:6]:
        shown = {"real": question.row.media, "none": (), "told": ()}
        texts = {
            "real": question.messages, "none": without_media(question.messages),
            "told": told_without_media(question.messages, "image"),
        }  # fmt: skip
        for condition, messages in texts.items():
            prompt = encoder.prompt(messages[:-1], [(ref.modality, ref.shape) for ref in shown[condition]]).input_ids
            answer = encoder.response_ids(question.answer)
            images = [torch.from_numpy(dataset.features(ref)).float() for ref in shown[condition]]
            features = {"image_features": images}
            with torch.inference_mode():
                ids = torch.tensor([prompt + answer])
                logits = model(input_ids=ids, **(features if shown[condition] else {})).logits
            likely = logits[0, len(prompt) - 1 : -1].double().log_softmax(-1)
            expected = likely[range(len(answer)), answer].sum().item()
            assert question.likelihood[condition] == pytest.approx(expected, rel=1e-4)
            assert question.tokens == len(answer)


def test_all_turns_are_scored_by_the_rows_of_the_last_one(model_and_encoder, dataset, answered, monkeypatch):
    model, encoder = model_and_encoder

    def tokens_of(questions_wanted):
        read = []
        monkeypatch.setattr("macaw_cli.evaluation.evaluate.score", lambda model, dataset, batch: read.extend(batch) or
                            scoring.score(model, dataset, batch))  # fmt: skip
        monkeypatch.setattr("macaw_cli.evaluation.evaluate.held_out_questions", questions_wanted)
        evaluate_model(model, encoder, dataset)
        return sum(one.row.length for one in read)

    together = tokens_of(held_out_questions)
    last_alone = tokens_of(lambda *a, **k: held_out_questions(*a, every_turn=False))
    monkeypatch.setattr(scoring, "can_share_rows", lambda model: False)
    assert together == last_alone < 0.6 * tokens_of(held_out_questions)


def test_turns_are_scored_alike_in_rows_of_their_own(model_and_encoder, dataset, answered, monkeypatch):
    monkeypatch.setattr(scoring, "can_share_rows", lambda model: False)
    alone = evaluate_model(*model_and_encoder, dataset)
    monkeypatch.undo()
    monkeypatch.setattr("macaw_cli.inference.scoring.branches_are_supported", lambda llm, length: False)
    plain = evaluate_model(*model_and_encoder, dataset)
    for one, other, third in zip(answered, alone, plain, strict=True):
        assert one.likelihood == pytest.approx(other.likelihood, rel=1e-4)
        assert one.likelihood == pytest.approx(third.likelihood, rel=1e-4)
        assert one.greedy == other.greedy == third.greedy


def test_a_prompt_whose_earlier_turn_was_rewritten_or_has_other_media_does_not_hold_it():
    def medium(key):
        return MediaRef("image", key, (2, 4), "float16", "s", 0, 16)

    a, b = medium("a"), medium("b")
    assert shared_turns.holds_turn([1, 2, 3, 4], (a, b), [1, 2, 3], (a,))
    assert not shared_turns.holds_turn([1, 9, 3, 4], (a, b), [1, 2, 3], (a,))
    assert not shared_turns.holds_turn([1, 2], (a, b), [1, 2, 3], (a,))
    assert not shared_turns.holds_turn([1, 2, 3, 4], (b, a), [1, 2, 3], (a,))


def test_figures_have_each_turn_and_single_turns_have_none(answered):
    figures = figures_of("m", answered)
    assert {turn: seen["n"] for turn, seen in figures["turns"].items()} == {"1": 12, "2": 12, "3": 12}
    assert figures["turns"]["1"]["real"] is None and figures["turns"]["3"]["with_choices"] == 12
    assert figures["overall"]["n"] == 36 and figures["overall"]["with_choices"] == 12
    assert [row[0] for row in turn_rows(figures)] == ["turn 1", "turn 2", "turn 3"]
    assert all(len(row) == len(COLUMNS) for row in turn_rows(figures))
    for question in answered:
        question.turns = 1
    assert "turns" not in figures_of("m", answered)


def test_answers_of_earlier_turns_are_generated_too(model_and_encoder, dataset):
    found = evaluate_model(*model_and_encoder, dataset, limit=2, generation=AnswerLimits(4, 3, 2))
    assert [question.turn for question in found if "real" in question.answers and not question.row.choices]


def asked(answer, media="m", prompt="?", choices=()):
    return Question("kind", prompt, answer, (media,), ("image",), choices)


def test_all_turns_of_a_conversation_are_given_the_media_of_the_same_one():
    questions = [
        asked(answer, media) for media, answers in (("m", "abc"), ("n", "dbe"), ("o", "fgc")) for answer in answers
    ]
    partners = partners_of_turns(questions, [1, 2, 3] * 3, seed=0)
    assert all(partners[at] == partners[2] - 2 for at in (0,))
    assert questions[partners[1]].answer != "b"  # the second turn of `n` says the same
    for at, other in enumerate(partners):
        assert questions[at].answer != questions[other].answer and (other - at) % 3 == 0


def test_single_turns_have_the_partners_that_they_had():
    from macaw_cli.evaluation.questions.swapping import swap_partners

    questions = [asked(str(number % 3), f"m{number}", choices=("0", "1", "2")) for number in range(20)]
    assert partners_of_turns(questions, [1] * 20, seed=0) == swap_partners(questions, seed=0)
    assert partners_of_turns(questions, [3] * 20, seed=0) == swap_partners(questions, seed=0)  # the last ones alone
    assert partners_of_turns([], [], seed=0) == []


def test_a_soundtrack_goes_with_its_video():
    video = MediaRef("video", "v", (2, 3, 4), "float16", "s", 0, 48)
    track = MediaRef("audio", "v", (2, 4), "float16", "s", 0, 16, soundtrack_of=2)
    image = MediaRef("image", "i", (2, 4), "float16", "s", 0, 16)
    row = ConversationRow("x", "val", None, ["a"], (image, track, video), (), "s", "t", 0, 0)
    messages = [
        {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "?"}]},
        {"role": "assistant", "content": "a"},
    ]  # fmt: skip
    (first, _), (last, _) = turns_of(row, messages)
    assert first.media == (image,)
    assert last is row
    assert turns_of(row, messages[2:]) == [(row, messages[2:])]
