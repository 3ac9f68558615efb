import json
import re
import shutil
from types import SimpleNamespace

import pytest
import torch
from transformers import GPT2Config

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.config.bridges.designs import design
from macaw_cli.config.loading import open_workspace
from macaw_cli.evaluation import run as evaluation_run
from macaw_cli.evaluation.asking import scoring
from macaw_cli.evaluation.evaluate import evaluate_model, figures_of
from macaw_cli.evaluation.figures.answers import read_answers
from macaw_cli.evaluation.questions.held_out import first_per_kind, held_out_questions
from macaw_cli.evaluation.run import evaluate_folder
from macaw_cli.inference import scoring as inference_scoring
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.folder import load_model
from macaw_cli.model.fusion import media_fusion
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.shards.training_dataset import TrainingDataset


@pytest.fixture(scope="module")
def dataset(trained):
    return TrainingDataset(trained.path(trained.settings.dataset.out))


@pytest.fixture(scope="module")
def model_and_encoder(trained):
    model, processor = load_model(trained.path("runs/short/model"))
    return model.eval(), processor.encoder


def answers(model_and_encoder, dataset, **options):
    return {question.row.id: question.answers for question in evaluate_model(*model_and_encoder, dataset, **options)}


def test_the_answer_is_the_choice_to_which_the_model_gives_the_lowest_loss(model_and_encoder, dataset):
    model, encoder = model_and_encoder
    given = answers(model_and_encoder, dataset)
    asked = [question for question in held_out_questions(dataset, None) if question.row.choices]
    for question in asked:
        media = question.row.media
        features = {f"{ref.modality}_features": [torch.from_numpy(dataset.features(ref)).float()] for ref in media}
        losses = {}
        for choice in question.row.choices:
            messages = [*question.messages[:-1], {"role": "assistant", "content": choice}]
            encoded = encoder.encode(messages, [(ref.modality, ref.shape) for ref in media])
            ids, labels = torch.tensor([encoded.input_ids]), torch.tensor([encoded.labels])
            with torch.inference_mode():
                losses[choice] = model(input_ids=ids, labels=labels, num_supervised=1, **features).loss.item()
        assert given[question.row.id]["real"] == min(losses, key=losses.get)


def test_the_answers_do_not_depend_on_the_batch_size(model_and_encoder, dataset):
    assert answers(model_and_encoder, dataset, batch_size=1) == answers(model_and_encoder, dataset, batch_size=50)


def test_the_answers_are_the_same_in_rows_of_their_own_and_in_batches_of_few_logits(
    model_and_encoder, dataset, monkeypatch
):
    together = answers(model_and_encoder, dataset)
    monkeypatch.setattr(inference_scoring, "branches_are_supported", lambda llm, length: False)
    assert answers(model_and_encoder, dataset) == together
    monkeypatch.setattr(scoring, "MOST_LOGITS", 40 * model_and_encoder[0].config.text_config.vocab_size)
    assert answers(model_and_encoder, dataset) == together


def test_a_medium_is_read_and_bridged_once_per_batch_with_the_same_answers(model_and_encoder, dataset, monkeypatch):
    model, encoder = model_and_encoder
    bridged, together = [], evaluate_model(model, encoder, dataset)
    forward = type(model.fusion.bridges).forward

    def noted(self, media, *others):
        bridged.append(sum(map(len, media.values())))
        return forward(self, media, *others)

    monkeypatch.setattr(type(model.fusion.bridges), "forward", noted)
    evaluate_model(model, encoder, dataset)
    once = sum(bridged)
    bridged.clear()
    places = "first_places"
    monkeypatch.setattr(media_fusion, places, lambda media: {name: [*range(len(own))] for name, own in media.items()})
    apart = evaluate_model(model, encoder, dataset)
    assert once < sum(bridged)
    for one, other in zip(together, apart, strict=True):
        assert one.answers == other.answers
        assert one.likelihood == pytest.approx(other.likelihood, rel=1e-5)


def test_swapped_media_are_those_of_a_question_with_another_answer(model_and_encoder, dataset):
    model, encoder = model_and_encoder
    questions = evaluate_model(model, encoder, dataset)
    for question in questions:
        others = [
            other for other in questions if other.row.kind == question.row.kind and other.answer != question.answer
        ]
        assert ("swapped" in question.right) == bool(question.row.media and others)


def greedily(model, encoder, question, media, features, count):
    prompt = torch.tensor([encoder.prompt(question.messages[:-1], media).input_ids])
    given = model.generate(
        input_ids=prompt, max_new_tokens=count, do_sample=False, eos_token_id=None, pad_token_id=0, **features
    )
    return given[0, prompt.shape[1] :].tolist()


def test_a_question_without_choices_has_no_accuracy_but_tells_whether_greedy_decoding_gives_it_whole(
    model_and_encoder, dataset
):
    model, encoder = model_and_encoder
    text = [question for question in evaluate_model(model, encoder, dataset) if not question.row.choices]
    assert text
    for question in text:
        wanted = encoder.response_ids(question.answer)
        assert question.greedy["real"] == (greedily(model, encoder, question, [], {}, len(wanted)) == wanted)
        assert not question.right
    figures = figures_of("m", text)["text"]
    assert (figures["real"], figures["chance"], figures["with_choices"]) == (None, None, 0)
    assert figures["metrics"]["greedy_match"]["real"] == round(sum(q.greedy["real"] for q in text) / len(text), 4)


def test_the_limit_counts_per_kind(dataset):
    kinds = [question.row.kind for question in held_out_questions(dataset, 1)]
    assert len(kinds) == len(set(kinds)) > 1


def test_unseen_combinations_are_counted_apart():
    def row(kind, *tags):
        return SimpleNamespace(kind=kind, tags=tags, media=())

    rows = [row("a"), row("a", "unseen"), row("a"), row(None), row("a", "unseen"), row(None)]
    assert first_per_kind(rows, 1) == [rows[0], rows[1], rows[3]]
    assert first_per_kind(rows, None) == rows


def test_figures_and_answers_are_written_beside_the_run(trained):
    figures = evaluate_folder(trained, trained.path("runs/short"))
    written = trained.path("runs/short/evaluation")
    assert {path.name for path in written.iterdir()} == {"answers.jsonl", "figures.json", "reliance.png"}
    assert figures["model"] == "runs/short/model"
    assert figures["overall"]["n"] == sum(measured["n"] for measured in figures["kinds"].values())


def test_questions_about_the_same_content_are_known_in_what_was_written(trained, dataset):
    evaluate_folder(trained, trained.path("runs/short"))
    keys = {row.id: tuple(ref.key for ref in row.media) for row in dataset.conversations("val")}
    answers = read_answers(trained.path("runs/short"))
    assert answers and {key: answer.media for key, answer in answers.items()} == {key: keys[key] for key in answers}


def test_questions_are_answered_without_cudnns_attention_which_plans_for_every_batch(trained, monkeypatch):
    seen = []

    def evaluated(*args, **options):
        seen.append(torch.backends.cuda.cudnn_sdp_enabled())
        return ask(*args, **options)

    ask = evaluation_run.ask_in_context
    monkeypatch.setattr(evaluation_run, "ask_in_context", evaluated)
    evaluate_folder(trained, trained.path("runs/short"))
    assert seen == [False]
    assert torch.backends.cuda.cudnn_sdp_enabled()


def test_a_dataset_made_with_another_encoder_is_refused_with_both_shown(trained, tmp_path):
    shutil.copytree(trained.path("runs/short/model"), tmp_path / "model")
    config = json.loads((tmp_path / "model/config.json").read_text())
    config["fingerprints"]["image"]["weights"] = "99"
    (tmp_path / "model/config.json").write_text(json.dumps(config))
    with pytest.raises(MismatchError, match=r'weights="11".*weights="99"'):
        evaluate_folder(trained, tmp_path / "model")


def test_a_dataset_that_holds_nothing_out_says_what_to_do(model_and_encoder, dataset, monkeypatch):
    monkeypatch.setattr(dataset, "conversations", lambda split, **_: [])
    with pytest.raises(InputError, match="conversation"):
        evaluate_model(*model_and_encoder, dataset)


def gpt2_macaw(config, positions):
    """A model with learned positions for the same features and vocabulary."""
    llm = GPT2Config(n_positions=positions, n_embd=16, n_layer=1, n_head=2, vocab_size=config.vocabulary_size)
    made = MacawConfig.for_llm(llm, design("linear"), config.feature_shapes, fingerprints=config.fingerprints)
    return MacawForConditionalGeneration(made).eval()


def test_questions_longer_than_the_learned_positions_are_refused_with_both_numbers(model_and_encoder, dataset):
    config, tokenizer = model_and_encoder[0].config, model_and_encoder[1].tokenizer
    short = gpt2_macaw(config, 20)
    with pytest.raises(InputError, match=r"question .* has \d+ tokens.* only 20 ") as told:
        evaluate_model(short, ConversationEncoder(tokenizer, short.config), dataset)
    needed = int(re.search(r"has ([\d,]+) tokens", str(told.value))[1])
    enough = gpt2_macaw(config, needed)
    assert evaluate_model(enough, ConversationEncoder(tokenizer, enough.config), dataset)


def test_without_a_model_it_says_so(tmp_path):
    with pytest.raises(InputError, match="model"):
        evaluate_folder(open_workspace(None, [f"training.runs={tmp_path}"]), None)


def test_the_figures_of_every_modality_are_there(model_and_encoder, dataset):
    figures = figures_of("m", evaluate_model(*model_and_encoder, dataset))
    assert figures["modalities"].keys() == {"image", "audio", "video"}
    assert figures["text"]["swapped"] is None
