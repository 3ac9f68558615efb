import copy
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.loading import parse_settings
from macaw_cli.evaluation.evaluate import evaluate_model
from macaw_cli.evaluation.in_context import in_context
from macaw_cli.evaluation.in_context.in_context import ask_in_context
from macaw_cli.evaluation.in_context.order_table import ORDER_COLUMNS, order_rows
from macaw_cli.evaluation.run import evaluate_folder
from macaw_cli.model.folder import load_model
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.shards.training_dataset import TrainingDataset


@pytest.fixture(scope="module")
def dataset(trained):
    return TrainingDataset(trained.path(trained.settings.dataset.out))


@pytest.fixture(scope="module")
def model_and_encoder(trained):
    model, processor = load_model(trained.path("runs/short/model"))
    return model.eval(), processor.encoder


def ask(trained, model_and_encoder, dataset, **settings):
    settings = replace(trained.settings.evaluation, **{"limit": 3, "generate": 1, "max_new_tokens": 4} | settings)
    return ask_in_context(*model_and_encoder, dataset, settings, seed=0)


def test_the_likelihood_is_that_of_the_answer_behind_the_demonstrations(trained, model_and_encoder, dataset):
    model, encoder = model_and_encoder[0], copy.copy(model_and_encoder[1])
    encoder.max_length = 10_000
    questions, _ = ask(trained, model_and_encoder, dataset, shots=2, demonstrations="nearest")
    for question in questions:
        turns, media = [], []
        for one in (*question.demonstrations, question):
            asked, answer = one.messages
            parts = [{"type": ref.modality} for ref in one.row.media] if turns else []
            turns += [{"role": "user", "content": [*parts, {"type": "text", "text": asked["content"]}]}, answer]
            media += one.row.media
        ids = encoder.encode(turns, [(ref.modality, ref.shape) for ref in media]).input_ids
        answer = encoder.response_ids(question.answer)
        assert ids[-len(answer) :] == answer
        features = {}
        for ref in media:
            features.setdefault(f"{ref.modality}_features", []).append(torch.tensor(dataset.features(ref)).float())
        with torch.inference_mode():
            logs = model(input_ids=torch.tensor([ids]), **features).logits[0].float().log_softmax(-1)
        expected = logs[-len(answer) - 1 : -1][range(len(answer)), answer].sum().item()
        assert question.likelihood["real"] == pytest.approx(expected, rel=1e-4)


def test_no_shots_are_the_plain_evaluation(trained, model_and_encoder, dataset):
    questions, entry = ask(trained, model_and_encoder, dataset)
    plain = evaluate_model(*model_and_encoder, dataset, limit=3)
    assert entry == {}
    assert [one.likelihood for one in questions] == [one.likelihood for one in plain]


def test_each_order_has_its_figures_and_the_ensemble_those_of_the_mean_likelihood(trained, model_and_encoder, dataset):
    runs = []
    keep = in_context.over_orders

    def seen(found):
        runs.extend(found)
        return keep(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_context, "over_orders", seen)
        _, entry = ask(trained, model_and_encoder, dataset, shots=2, permutations=2)
    found = entry["in_context"]
    assert found["orders"] == len(runs) == 2
    ids = [[[shown.row.id for shown in one.demonstrations] for one in run] for run in runs]
    assert ids[1] == [list(reversed(one)) for one in ids[0]]
    real = found["overall"]["real"]
    assert real["mean"] == pytest.approx(np.mean(real["each"]), abs=1e-4)
    assert real["std"] == pytest.approx(np.std(real["each"], ddof=1), abs=1e-4)
    chosen = [
        question.candidates[int(np.argmax(np.mean([run[at].scores["real"] for run in runs], axis=0)))]
        == question.answer
        for at, question in enumerate(runs[0])
        if question.row.choices
    ]
    assert real["ensemble"] == pytest.approx(np.mean(chosen), abs=1e-4)
    assert all(len(row) == len(ORDER_COLUMNS) for row in order_rows(entry))


def test_demonstrations_for_which_there_are_no_positions_are_left_out_and_counted(
    trained, model_and_encoder, dataset, monkeypatch, capsys
):
    whole, _ = ask(trained, model_and_encoder, dataset, shots=6)
    assert all(len(one.demonstrations) == 6 for one in whole)
    monkeypatch.setattr(in_context, "stated_positions", lambda config: 200)
    short, entry = ask(trained, model_and_encoder, dataset, shots=6)
    counts = [len(one.demonstrations) for one in short]
    assert max(counts) < 6
    assert entry["in_context"]["shortened"] == len(short)
    assert str(len(short)) in capsys.readouterr().err
    for one, before in zip(short, whole, strict=True):  # the least similar ones go
        assert one.demonstrations == before.demonstrations[len(before.demonstrations) - len(one.demonstrations) :]


def test_demonstrations_that_the_training_split_lacks_are_counted(trained, model_and_encoder, dataset):
    questions, entry = ask(trained, model_and_encoder, dataset, shots=15, limit=1)
    lacking = sum(len(one.demonstrations) < 15 for one in questions)
    assert entry["in_context"]["lacking"] + entry["in_context"]["shortened"] >= lacking > 0


def test_what_repeating_the_last_answer_would_reach_is_told(trained, model_and_encoder, dataset):
    questions, entry = ask(trained, model_and_encoder, dataset, shots=1, demonstrations="nearest")
    images = [one for one in questions if one.modality == "image"]
    same = [one.demonstrations[-1].messages[-1]["content"] == one.answer for one in images]
    assert entry["in_context"]["last_answer"]["image"] == pytest.approx(np.mean(same), abs=1e-4)


def test_figures_in_context_take_the_place_of_no_others(trained, tmp_path):
    run = tmp_path / "short"
    shutil.copytree(trained.path("runs/short"), run)
    workspace = replace(trained, settings=replace(
        trained.settings, evaluation=replace(trained.settings.evaluation, limit=1, generate=0, shots=1)))  # fmt: skip
    evaluate_folder(trained, run)
    before = (run / "evaluation/figures.json").read_bytes()
    figures = evaluate_folder(workspace, run)
    assert (run / "evaluation/figures.json").read_bytes() == before
    assert (run / "evaluation/shots-1-random/answers.jsonl").is_file()
    assert figures["in_context"]["shots"] == 1
    assert all(verdict["remedies"] == [] for verdict in figures["verdict"].values())


@pytest.mark.parametrize(("shots", "permutations"), [(0, 2), (1, 2), (2, 3)])
def test_more_orders_than_there_are_are_refused_with_both_numbers(shots, permutations):
    with pytest.raises(UsageError, match=f"{permutations}.*{math.factorial(shots)} order"):
        parse_settings({"evaluation": {"shots": shots, "permutations": permutations}}, "test")


def test_a_model_of_the_published_format_reads_one_question_only(trained, model_and_encoder, dataset):
    model, encoder = model_and_encoder
    published = ConversationEncoder(encoder.tokenizer, encoder.config, "as_published")
    with pytest.raises(UsageError, match="published"):
        ask(trained, (model, published), dataset, shots=1)
