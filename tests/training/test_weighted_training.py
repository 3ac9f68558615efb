"""Trainings with `training.loss_weights`: what is trained on, logged, resumed, and the same at any number of ranks."""

import json
import math
from dataclasses import replace

import pytest
import torch
from interrupted_run import interrupt

from macaw_cli.config.loss_weights.fixed import FixedLossWeights
from macaw_cli.training.data.batches import SequenceReader
from macaw_cli.training.run import train
from macaw_cli.training.training_inputs import prepare
from macaw_cli.training.tuning.model_setup import new_model
from macaw_cli.training.weighting.step_weights import step_weights

FIXED = {"mode": "fixed", "weights": {"image": 3.0, "text": 0.25, "audio": 0.0}}


def rows_of(space):
    (log,) = (space.root / "runs").glob("*/metrics.jsonl")
    return [row for row in map(json.loads, log.read_text().splitlines()) if "loss" in row]


def model_of(space):
    (model,) = (space.root / "runs").glob("*/model/model.safetensors")
    return model.read_bytes()


def test_in_a_packed_sequence_every_token_has_the_weight_of_its_example(workspace):
    space = workspace(loss_weights=FIXED)
    inputs = prepare(space)
    model = new_model(space, inputs.config, inputs.dataset, tokenizer=inputs.tokenizer).train()
    weights = step_weights(space.settings.training.loss_weights, inputs.rows, {})
    reader = SequenceReader(
        inputs.dataset, inputs.rows, inputs.tokens, torch.float32, config=inputs.config, groups=weights.of_examples
    )
    kinds = {row.kind: number for number, row in enumerate(inputs.rows)}
    sequence, cpu = tuple(kinds.values()), torch.device("cpu")
    batch = reader.read(sequence)
    tokens = weights.tokens(batch, cpu)
    options = {"num_supervised": 10, "return_logits": False, "use_cache": False}
    model(**batch.inputs(cpu), token_weights=tokens, **options).loss.backward()
    found = {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}
    model.zero_grad()
    sizes = {"image/colour": 3.0, "text/say": 0.25, "audio/colour": 0.0, "video/colour": 1.0}
    single = 0.0
    for kind, number in kinds.items():
        loss = model(**reader.read((number,)).inputs(cpu), **options).loss
        (sizes[kind] * loss).backward()
        single += loss.item()
    assert tokens.losses.sum().item() / 10 == pytest.approx(single, rel=1e-5)
    for name, parameter in model.named_parameters():
        assert torch.allclose(found[name], parameter.grad, atol=1e-6), name
    figures = weights._groups.figures([weights.sums(tokens, batch).tolist()])
    assert set(figures) == {"audio", "image", "text", "video"}


@pytest.mark.parametrize("mode", ["uncertainty", "gradnorm", "mixture"])
def test_a_run_logs_its_weights_and_continues_with_them_to_the_same_bytes(workspace, monkeypatch, mode):
    settings = {"loss_weights": {"mode": mode, "learning_rate": 0.5}, "max_steps": 4}
    one, again = workspace("one", **settings), workspace("again", **settings)
    train(one)
    interrupt(again, monkeypatch)
    (newest,) = (again.root / "runs").glob("*/checkpoints/*4")
    for file in newest.glob("*.pt"):
        file.unlink()  # cut: the checkpoint of step 2 has to do
    train(again, resume=True)
    assert model_of(one) == model_of(again)
    weights = [row["loss_weights"] for row in rows_of(one)]
    assert weights == [row["loss_weights"] for row in rows_of(again)]
    assert all(set(found) == {"audio", "image", "text", "video"} for found in weights)
    assert len({json.dumps(found) for found in weights}) == 4


@pytest.mark.parametrize("stage", [0, pytest.param(2, marks=pytest.mark.slow), 3])
def test_two_processes_learn_the_same_weights_as_one(workspace, stage):
    settings = {"loss_weights": {"mode": "gradnorm", "learning_rate": 0.3}, "max_steps": 3, "zero_stage": stage}
    one, two = workspace("one", **settings), workspace("two", **settings)
    train(one)
    train(two, cpu_processes=2)
    for alone, shared in zip(rows_of(one), rows_of(two), strict=True):
        assert shared["batch_hash"] == alone["batch_hash"]
        assert shared["loss"] == pytest.approx(alone["loss"], abs=1e-5)
        assert shared["loss_weights"] == pytest.approx(alone["loss_weights"], abs=1e-4)


def test_the_logged_loss_is_not_weighted_and_weights_of_one_are_those_of_none(workspace):
    plain, ones = workspace("plain", max_steps=3), workspace("ones", max_steps=3, loss_weights="fixed")
    fixed = workspace("fixed", max_steps=1, loss_weights=FIXED)
    for space in (plain, ones, fixed):
        train(space)
    assert "loss_weights" not in rows_of(plain)[0]
    assert rows_of(fixed)[0]["loss"] == pytest.approx(rows_of(plain)[0]["loss"], rel=1e-6)
    assert rows_of(fixed)[0]["loss_weights"] == {"audio": 0.0, "image": 3.0, "text": 0.25, "video": 1.0}
    for one, other in zip(rows_of(plain), rows_of(ones), strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-5)


def test_without_weights_nothing_is_counted(workspace):
    space = workspace()
    inputs = prepare(space)
    assert step_weights(space.settings.training.loss_weights, inputs.rows, {}) is None
    batch = SequenceReader(inputs.dataset, inputs.rows, inputs.tokens, torch.float32).read((0, 1))
    assert batch.groups is None


def test_an_empty_sequence_counts_for_no_group(workspace):
    space = workspace()
    inputs = prepare(space)
    weights = step_weights(FixedLossWeights(mode="fixed"), inputs.rows, {})
    reader = SequenceReader(inputs.dataset, inputs.rows, inputs.tokens, torch.float32, groups=weights.of_examples)
    batch = reader.read(())
    tokens = weights.tokens(batch, torch.device("cpu"))
    tokens = replace(tokens, losses=torch.zeros(0), squared_gradients=torch.zeros(0))
    assert not any(map(math.fabs, weights.sums(tokens, batch).tolist()))
