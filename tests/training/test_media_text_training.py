"""BLIP-2's first stage in a training: what it trains, what it tells, that it can be resumed, and what is refused."""

import json

import pytest
import torch
from safetensors.torch import load_file

from macaw_cli.basics.errors import UsageError
from macaw_cli.model.pretraining.bridge_pretraining import BridgePretraining
from macaw_cli.planning.run import plan_training
from macaw_cli.training import session
from macaw_cli.training.checkpoints.folder import checkpoint_name
from macaw_cli.training.run import train
from macaw_cli.training.steps import loop
from macaw_cli.training.training_inputs import prepare
from macaw_cli.training.tuning.model_setup import new_model

Q_FORMER = {"name": "q-former", "tokens": 2, "hidden": 16, "heads": 2, "layers": 2, "inner": 32}
BRIDGE = {"image": Q_FORMER, "audio": "linear", "video": Q_FORMER}
STAGES = [
    {"name": "compare", "objective": "media-text", "template": "plain", "max_steps": 4, "learning_rate": 1e-3},
    {"name": "answer", "train": ["bridge"], "max_steps": 2},
]
NAMES = {"contrastive", "matching", "generation"}


def recipe(**settings):
    return {"bridge": BRIDGE, "stages": STAGES, "max_steps": None, "global_batch_size": 2} | settings


def run_of(space):
    (run,) = (space.root / "runs").glob("[!.]*")
    return run


def rows_of(space):
    return [json.loads(line) for line in (run_of(space) / "metrics.jsonl").read_text().splitlines()]


def losses_of(space):
    return [row for row in rows_of(space) if "loss" in row]


def test_the_three_losses_fall_and_the_llm_is_not_run(workspace, monkeypatch):
    first, second = STAGES
    space = workspace(**recipe(
        stages=[first | {"max_steps": 40, "learning_rate": 3e-3}, second], epochs=20, evaluate_every=20, report=True
    ))  # fmt: skip
    train_step, stages = loop.train_step, []

    def watched(engine, *given, **named):
        assert isinstance(engine.model, BridgePretraining) == (named["step"] < 40)
        if named["step"] < 40:
            names = {name.partition(".")[0] for name, _ in engine.model.named_modules()}
            assert names <= {"", "parts", "centerings"}
            held = sum(len(group["params"]) for group in engine._param_groups)
            assert held == len(list(engine.model.parameters()))
        stages.append(named["step"])
        return train_step(engine, *given, **named)

    monkeypatch.setattr(loop, "train_step", watched)
    train(space)
    assert stages == list(range(42))
    rows = losses_of(space)[:40]
    assert all(set(row["losses"]) == NAMES for row in rows)
    for row in rows:
        assert row["loss"] == pytest.approx(sum(row["losses"].values()), rel=1e-4)
    for name in NAMES:
        begin, end = (sum(row["losses"][name] for row in part) for part in (rows[:8], rows[-8:]))
        assert end < begin, name
    assert "losses" not in losses_of(space)[-1]
    assert "Media and texts" in (run_of(space) / "report.html").read_text()
    held_out = [row["validation"] for row in rows_of(space) if "validation" in row]
    assert [set(one) == {"loss"} for one in held_out] == [True, True, False]
    assert held_out[1]["loss"] < held_out[0]["loss"]


def test_the_bridges_own_parameters_are_trained_and_nothing_else_of_the_model(workspace):
    space = workspace(**recipe())
    inputs = prepare(space)
    model = new_model(space, inputs.config, inputs.dataset, tokenizer=inputs.tokenizer)
    shared = {id(parameter) for parameter in BridgePretraining(model).parameters()}
    trained = {name for name, parameter in model.named_parameters() if id(parameter) in shared}
    prefixes = ("fusion.bridges.image", "fusion.bridges.video")
    bridges = {name for name, _ in model.named_parameters() if name.startswith(prefixes)}
    left = {name for name in bridges if ".projection." in name or ".output_norm." in name}
    assert left and trained == bridges - left


def test_a_bridge_that_reads_the_instruction_keeps_the_text_half(workspace):
    space = workspace(**recipe(bridge=Q_FORMER | {"instruction": True}))
    inputs = prepare(space)
    model = new_model(space, inputs.config, inputs.dataset, tokenizer=inputs.tokenizer)
    part = BridgePretraining(model).parts["image"]
    bridge = model.fusion.bridges["image"]
    assert part.text.words.weight is bridge.text.words.weight
    assert part.q_former.layers[0].text_part.rise.weight is bridge.q_former.layers[0].text_part.rise.weight
    assert bridge.q_former.layers[1].text_part is None and part.q_former.layers[1].text_part is not None


@pytest.mark.parametrize("zero_stage", [0, 2])
def test_stopped_inside_the_stage_and_at_its_end_it_comes_to_the_same_bytes(workspace, monkeypatch, zero_stage):
    settings = recipe(zero_stage=zero_stage, keep_checkpoints=9, log_every=3)
    whole, stopped = workspace("whole", **settings), workspace("stopped", **settings)
    train(whole)
    train_step = loop.train_step
    for last in (3, 4):

        def dies(*given, last=last, **named):
            if named["step"] == last:
                raise ZeroDivisionError
            return train_step(*given, **named)

        with monkeypatch.context() as patch:
            patch.setattr(loop, "train_step", dies)
            with pytest.raises(ZeroDivisionError):
                train(stopped, resume=True)
    train(stopped, resume=True)
    models = [(run_of(space) / "model" / "model.safetensors").read_bytes() for space in (whole, stopped)]
    assert models[0] == models[1]
    keys = ("step", "loss", "losses", "batch_hash")
    told = [[[row.get(key) for key in keys] for row in losses_of(space)] for space in (whole, stopped)]
    assert told[0] == told[1]


@pytest.mark.parametrize("zero_stage", [0, pytest.param(2, marks=pytest.mark.slow), 3])
def test_two_processes_learn_the_same_as_one(workspace, zero_stage):
    settings = recipe(zero_stage=zero_stage, evaluate_every=2)
    alone, together = workspace("alone", **settings), workspace("together", **settings)
    train(alone)
    train(together, cpu_processes=2)
    for one, other in zip(rows_of(alone), rows_of(together), strict=True):
        if "loss" in one:
            assert one["batch_hash"] == other["batch_hash"]
            assert one["loss"] == pytest.approx(other["loss"], abs=1e-4)
            assert one.get("losses", {}) == pytest.approx(other.get("losses", {}), abs=1e-4)
        else:
            assert one["validation"]["loss"] == pytest.approx(other["validation"]["loss"], abs=1e-4)
    one, other = (load_file(run_of(space) / "model" / "model.safetensors") for space in (alone, together))
    assert max(float((one[name] - other[name]).abs().max()) for name in one) < 1e-4


@pytest.mark.slow
def test_a_run_goes_on_inside_the_stage_with_another_number_of_processes(workspace, monkeypatch):
    settings = recipe(zero_stage=2)
    whole, stopped = workspace("whole", **settings), workspace("stopped", **settings)
    train(whole)
    train_step = loop.train_step

    def dies(*given, **named):
        if named["step"] == 3:
            raise ZeroDivisionError
        return train_step(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "train_step", dies)
        with pytest.raises(ZeroDivisionError):
            train(stopped)
    train(stopped, resume=True, cpu_processes=2)
    for one, other in zip(losses_of(whole), losses_of(stopped), strict=True):
        assert one["batch_hash"] == other["batch_hash"]
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-4)


def test_the_text_half_goes_on_to_a_next_stage_of_the_same_objective(workspace, monkeypatch):
    first, second = STAGES
    space = workspace(**recipe(stages=[first | {"max_steps": 2}, first | {"name": "more", "max_steps": 2}, second]))
    seen, made = [], session.TrainingEngine

    def engine(model, *given):
        seen.append(model)
        return made(model, *given)

    monkeypatch.setattr(session, "TrainingEngine", engine)
    train(space)
    assert seen[0] is seen[1] and not isinstance(seen[2], BridgePretraining)
    weights = run_of(space) / "checkpoints" / checkpoint_name(4)
    state = torch.load(next(weights.glob("*model_states.pt")), weights_only=False)["module"]
    assert "parts.image.matching_head.weight" in state and not any("language" in name for name in state)


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"bridge": "linear"}, r"training\.stages\[0\]\.objective"),
        ({"stages": STAGES[:1]}, r"training\.stages\[0\]\.objective"),
        ({"stages": (), "objective": "media-text"}, r"training\.objective"),
        ({"max_steps": 3}, "compare"),
    ],
)
def test_what_cannot_be_learned_is_refused(workspace, changed, key):
    with pytest.raises(UsageError, match=key):
        train(workspace(**recipe(**changed)))


@pytest.mark.parametrize("own", [{"train": ["bridge", "llm"]}, {"swap_negatives": 0.5}])
def test_a_stage_with_settings_that_would_be_ignored_is_refused(workspace, own):
    with pytest.raises(UsageError, match="compare"):
        workspace(**recipe(stages=[STAGES[0] | own, STAGES[1]]))


def test_the_plan_says_that_the_llm_is_not_run(workspace, capfd):
    plan_training(workspace(**recipe()), as_json=True)
    compare, answer = json.loads(capfd.readouterr().out)["stages"]
    assert (compare["objective"], answer["objective"]) == ("media-text", "answers")
    assert compare["pairs"] > 1 and answer["pairs"] is None
    assert set(compare["parameters"]) == {"bridge"} and compare["parameters"]["bridge"]["frozen"] == 0
    plan_training(workspace(**recipe()))
    assert "compare: objective" in capfd.readouterr().out
