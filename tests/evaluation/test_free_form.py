"""Answers without choices on real media: likelihoods, generated answers, and kinds of any name."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from macaw_cli.chat.session import ChatSession
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.config.settings import ChatSettings
from macaw_cli.dataset.build import build_dataset
from macaw_cli.evaluation.asking import generating, scoring
from macaw_cli.evaluation.asking.generating import AnswerLimits
from macaw_cli.evaluation.evaluate import evaluate_model, figures_of
from macaw_cli.evaluation.questions.conditions import told_without_media, without_media
from macaw_cli.evaluation.questions.held_out import kind_of
from macaw_cli.inference import generating_model
from macaw_cli.inference.attachments import Attachment
from macaw_cli.model.folder import load_model
from macaw_cli.shards.training_dataset import TrainingDataset

GENERATION = AnswerLimits(per_kind=3, max_new_tokens=6, batch_size=4)


@pytest.fixture(scope="module")
def dataset(trained, tmp_path_factory):
    """Sentences about the tiny world's audio files and images; the same features as in the training."""
    folder = tmp_path_factory.mktemp("free-form")
    world = Path(trained.settings.dataset.out).parent
    rows = [json.loads(line) for line in (world / "questions.jsonl").read_text().splitlines()]
    free = [_sentence(row) for row in rows if row.get("audio") or row.get("image")]
    (folder / "free.jsonl").write_text("".join(json.dumps(row) + "\n" for row in free))
    tree = {"dataset": {"sources": ["jsonl:free.jsonl"], "features": [str(world / "features")]}}
    build_dataset(Workspace(folder, parse_settings(tree, "test")))
    return TrainingDataset(folder / "dataset")


def _sentence(row):
    question, answer = row["messages"]
    sentence = {**answer, "content": f"It is {answer['content']}."}
    kind = "transcribe the word" if row.get("audio") else None
    return {key: value for key, value in row.items() if key not in ("choices", "kind")} | {
        "kind": kind, "split": "val", "messages": [question, sentence]
    }  # fmt: skip


@pytest.fixture(scope="module")
def model_and_encoder(trained):
    model, processor = load_model(trained.path("runs/short/model"))
    return model.eval(), processor.encoder


@pytest.fixture(scope="module")
def answered(model_and_encoder, dataset):
    return evaluate_model(*model_and_encoder, dataset, generation=GENERATION)


def features_of(dataset, media):
    return {f"{ref.modality}_features": [torch.from_numpy(dataset.features(ref)).float()] for ref in media}


def test_the_likelihood_is_that_of_the_reference_answer_under_each_condition(model_and_encoder, dataset, answered):
    model, encoder = model_and_encoder
    for question in answered[::9]:
        media = question.row.media
        asked = {
            "real": (question.messages, media),
            "none": (without_media(question.messages), ()),
            "told": (told_without_media(question.messages, question.modality), ()),
        }
        for condition, (messages, shown) in asked.items():
            encoded = encoder.encode(messages, [(ref.modality, ref.shape) for ref in shown])
            ids, labels = torch.tensor([encoded.input_ids]), torch.tensor([encoded.labels])
            with torch.inference_mode():
                loss = model(input_ids=ids, labels=labels, num_supervised=1, **features_of(dataset, shown)).loss.item()
            assert question.likelihood[condition] == pytest.approx(-loss, rel=1e-4)
            assert question.tokens == encoded.supervised
        assert question.likelihood["swapped"] != question.likelihood["real"]


def test_free_form_kinds_of_any_name_have_figures(answered):
    figures = figures_of("m", answered)
    assert list(figures["modalities"]) == ["image", "audio"]
    assert {name: seen["modality"] for name, seen in figures["kinds"].items()} == {
        "image": "image", "transcribe the word": "audio"
    }  # fmt: skip
    for seen in [*figures["modalities"].values(), *figures["kinds"].values(), figures["overall"]]:
        assert 0 <= seen["preference"] <= 1
        assert seen["gap"] is not None
        assert seen["real"] is None
    assert figures["kinds"]["transcribe the word"]["metrics"].keys() == {"greedy_match", "wer", "cer"}
    assert figures["kinds"]["transcribe the word"]["metrics"]["wer"].keys() == {"real", "swapped"}
    assert figures["kinds"]["image"]["metrics"].keys() == {"greedy_match", "token_f1", "rouge_l", "exact_match"}
    chosen = figures_of("m", answered, {"image*": "cer"})
    assert chosen["kinds"]["image"]["metrics"].keys() == {"greedy_match", "cer"}
    json.dumps(figures, allow_nan=False)


def test_so_many_answers_are_generated_per_kind_and_no_more(answered, model_and_encoder, dataset):
    generated = [question for question in answered if question.answers]
    assert len(generated) == 2 * GENERATION.per_kind
    assert all(question.answers.keys() == {"real", "swapped"} for question in generated)
    assert not any(question.answers for question in evaluate_model(*model_and_encoder, dataset, limit=2))


def test_a_generated_answer_is_what_the_chat_says(model_and_encoder, dataset, answered):
    model, encoder = model_and_encoder
    settings = replace(ChatSettings(), max_new_tokens=GENERATION.max_new_tokens)
    for question in answered:
        if question.answers:
            chat = ChatSession(model, encoder, settings)
            chat.attach([Attachment("f", ref.modality, dataset.features(ref), 1) for ref in question.row.media])
            assert "".join(chat.ask(question.messages[0]["content"])) == question.answers["real"]


def test_an_answer_ends_where_the_chat_would_end(monkeypatch, model_and_encoder, dataset, answered):
    model, encoder = model_and_encoder
    whole = {question.row.id: question.answers["real"] for question in answered if question.answers}
    letters = sorted({letter for text in whole.values() for letter in text if letter.isascii()})
    (stop,) = encoder.tokenizer(letters[0], add_special_tokens=False).input_ids
    monkeypatch.setattr(encoder, "stop_ids", lambda: frozenset({stop}))
    cut = evaluate_model(model, encoder, dataset, generation=GENERATION)
    assert {question.row.id: question.answers["real"] for question in cut if question.answers} == {
        name: text.split(letters[0])[0] for name, text in whole.items()
    }


def test_an_end_token_of_the_models_own_config_ends_an_answer_as_in_the_chat(
    monkeypatch, model_and_encoder, dataset, answered
):
    model, encoder = model_and_encoder
    whole = {question.row.id: question.answers["real"] for question in answered if question.answers}
    letters = sorted({letter for text in whole.values() for letter in text if letter.isascii()})
    stops = encoder.tokenizer(letters[0], add_special_tokens=False).input_ids
    monkeypatch.setattr(model.generation_config, "eos_token_id", stops)
    cut = evaluate_model(model, encoder, dataset, generation=GENERATION)
    assert {question.row.id: question.answers["real"] for question in cut if question.answers} == {
        name: text.split(letters[0])[0] for name, text in whole.items()
    }


def test_answers_without_any_end_token_have_their_full_length(monkeypatch, model_and_encoder, dataset):
    model, encoder = model_and_encoder
    monkeypatch.setattr(encoder, "stop_ids", frozenset)
    monkeypatch.setattr(model.generation_config, "eos_token_id", None)
    questions = evaluate_model(model, encoder, dataset, generation=AnswerLimits(1, 8))
    assert any(question.answers for question in questions)


def test_unseen_combinations_have_a_number_of_answers_of_their_own(answered):
    questions = [
        replace(question, row=replace(question.row, tags=("unseen",) if number % 2 else ()))
        for number, question in enumerate(answered)
    ]
    chosen = [questions[number] for number in generating.first_without_choices(questions, 1)]
    found = [(kind_of(question.row), bool(question.row.tags)) for question in chosen]
    assert sorted(found) == sorted({(kind_of(question.row), bool(question.row.tags)) for question in questions})


def test_the_likelihood_of_one_answer_is_the_sum_of_its_log_probabilities(model_and_encoder, dataset, answered):
    model, encoder = model_and_encoder
    question = answered[0]
    media = question.row.media
    prompt = encoder.prompt(question.messages[:-1], [(ref.modality, ref.shape) for ref in media]).input_ids
    answer = encoder.tokenizer(question.answer, add_special_tokens=False).input_ids
    answer = [*answer, encoder.tokenizer.eos_token_id]
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([prompt + answer]), **features_of(dataset, media)).logits[0].double()
    by_hand = 0.0
    for place, token in enumerate(answer, start=len(prompt) - 1):
        by_hand += float(logits[place, token] - logits[place].exp().sum().log())
    assert by_hand < 0
    assert question.tokens == len(answer)
    assert question.likelihood["real"] == pytest.approx(by_hand, rel=1e-4)


def test_answers_are_the_same_one_by_one(monkeypatch, model_and_encoder, dataset, answered):
    monkeypatch.setattr(generating_model, "padding_is_supported", lambda llm, length: False)
    alone = evaluate_model(*model_and_encoder, dataset, generation=GENERATION)
    assert [question.answers for question in alone] == [question.answers for question in answered]


def test_what_is_asked_alike_without_media_is_scored_once(model_and_encoder, trained):
    model, encoder = model_and_encoder
    dataset = TrainingDataset(Path(trained.settings.dataset.out))
    rows = []
    monkeypatched = scoring.batches_of

    def counted(*arguments):
        for batch in monkeypatched(*arguments):
            rows.extend(batch)
            yield batch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("macaw_cli.evaluation.evaluate.batches_of", counted)
        questions = evaluate_model(model, encoder, dataset)
    asked = [question for question in questions if question.row.media]
    blind = [one for one in rows if not one.media and len(one.numbers) > 1]
    # image, audio and video ask with the same words: one row for `none`; three notes for `told`
    assert len(blind) == 4
    assert sum(len(one.numbers) for one in blind) == 2 * len(asked)
    assert len({question.likelihood["none"] for question in asked if question.answer == "red"}) == 1
