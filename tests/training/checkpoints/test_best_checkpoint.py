"""The lowest validation loss: its checkpoint stays, gives the model, and training ends when none is lower."""

import json
import math
import shutil

import pytest
import torch
from safetensors.torch import load_file

from macaw_cli.basics.errors import DamagedError, ResourceError
from macaw_cli.training.checkpoints.folder import checkpoints, read_progress
from macaw_cli.training.run import train
from macaw_cli.training.steps.engine import TrainingEngine
from macaw_cli.training.steps.progress import BestValidation, Progress
from macaw_cli.training.steps.validation import Validation


@pytest.fixture
def validations(monkeypatch):
    """`validations([1.0, 0.5, ...])`: what the validation loss will be, one after the other; reliance is left out."""

    def say(losses):
        told = iter(losses)
        monkeypatch.setattr(Validation, "__call__", lambda self: {"loss": next(told), "modalities": {}})

    return say


def run_of(space):
    return space.root / "runs" / "linear-1"


def kept(space):
    return [int(path.name[-8:]) for path in checkpoints(run_of(space) / "checkpoints")]


def weights(run):
    return load_file(run / "model" / "model.safetensors")


def test_the_best_is_the_lowest_and_what_is_no_number_never_is():
    best = BestValidation()
    for step, loss in enumerate([math.nan, math.inf, 2.0, 1.0, 3.0, math.nan, -math.inf, 1.0], start=1):
        best = best.after(step, loss)
    assert best == BestValidation(1.0, step=4, since=4)
    assert BestValidation().after(1, math.inf).loss is None


def test_progress_survives_json_and_an_older_one_is_read():
    from dataclasses import asdict

    progress = Progress(4, "p", 2, {"steps": 1.0}, 3, {"mode": "fixed"}, BestValidation(0.5, 2, 1))
    assert Progress.from_json(json.loads(json.dumps(asdict(progress)))) == progress
    assert Progress.from_json({"step": 4, "plan": "p", "world_size": 2, "meter": {}}).best == BestValidation()


def test_the_best_checkpoint_stays_beside_the_newest(workspace, validations):
    space = workspace(max_steps=10, evaluate_every=2, checkpoint_every=100, keep_best=True, keep_checkpoints=1)
    validations([5.0, 4.0, 4.5, 4.6, 4.7])
    train(space)
    assert kept(space) == [4, 10]
    assert read_progress(checkpoints(run_of(space) / "checkpoints")[-1]).best == BestValidation(4.0, 4, 3)


def test_a_better_one_takes_its_place_only_when_it_is_whole(workspace, validations, monkeypatch):
    space = workspace(max_steps=10, evaluate_every=2, checkpoint_every=100, keep_best=True, keep_checkpoints=1)
    validations([5.0, 4.0, 4.5, 3.0])
    save, calls = TrainingEngine.save, []

    def save_until_the_disk_is_full(self, folder, tag):
        calls.append(tag)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")
        save(self, folder, tag)

    monkeypatch.setattr(TrainingEngine, "save", save_until_the_disk_is_full)
    with pytest.raises(ResourceError, match="disk is full"):
        train(space)
    assert kept(space) == [4, 6]


@pytest.mark.parametrize("stage", [0, *(pytest.param(stage, marks=pytest.mark.slow) for stage in (2, 3))])
def test_the_model_takes_the_weights_of_the_best_step(workspace, validations, stage):
    settings = {"evaluate_every": 2, "checkpoint_every": 100, "zero_stage": stage}
    shorter = workspace("shorter", max_steps=4, **settings, schedule="constant", warmup_ratio=0.0)
    validations([2.0, 1.0])
    train(shorter)
    space = workspace(
        "longer", max_steps=8, **settings, schedule="constant", warmup_ratio=0.0, keep_best=True, model_from="best"
    )
    validations([2.0, 1.0, 1.5, 1.6])
    train(space)
    expected, found = weights(run_of(shorter)), weights(run_of(space))
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_training_ends_when_nothing_gets_better_and_after_a_kill_it_still_does(workspace, validations, capfd):
    space = workspace(max_steps=20, evaluate_every=2, checkpoint_every=100, log_every=3, early_stopping=2)
    validations([5.0, 4.0, 4.5, 4.5])
    assert train(space).steps == 8
    assert "2 validations in a row did not improve on step 4: training ends here" in capfd.readouterr().err
    rows = [json.loads(line) for line in (run_of(space) / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "tokens" in row] == [3, 6, 8]
    shutil.rmtree(run_of(space) / "model")
    (run_of(space) / "summary.json").unlink()
    validations([])
    assert train(space, resume=True).steps == 8
    assert (run_of(space) / "model").is_dir()


def test_a_best_checkpoint_that_was_deleted_is_told_with_the_way_out(workspace, validations, monkeypatch):
    settings = {"max_steps": 4, "evaluate_every": 2, "checkpoint_every": 100, "keep_best": True}
    space = workspace(**settings, model_from="best")
    validations([1.0, 2.0])
    from macaw_cli.training import session

    def lose_it(folder, engine, best):
        shutil.rmtree(folder / "step-00000002")
        return load_best(folder, engine, best)

    load_best = session.load_best
    monkeypatch.setattr(session, "load_best", lose_it)
    with pytest.raises(DamagedError, match="validation") as told:
        train(space)
    assert "training.model_from=last" in told.value.hint
    assert train(workspace(**settings), resume=True).steps == 4
