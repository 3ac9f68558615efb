"""Runs compared value by value: the same seed gives the same bytes, another seed is found out."""

import json
import math
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from macaw_cli.training.run import train
from macaw_cli.training.run_folder import RunFolder
from macaw_cli.training.verifying.run_differences import compare_runs


def trained(space):
    train(space)
    return RunFolder(space.root / "runs" / "macaw-1")


def test_the_same_seed_gives_the_same_weights_and_another_seed_differs_from_the_first_batch_on(workspace):
    settings = {"bridge": "macaw", "max_steps": 3}
    one, again = (trained(workspace(name, **settings)) for name in ("one", "again"))
    assert [comparison.what for comparison in compare_runs(one, again, exact=True) if not comparison.same] == []
    other = workspace("other", **settings)
    other = trained(replace(other, settings=replace(other.settings, seed=1)))
    different = {comparison.what: comparison.first for comparison in compare_runs(one, other, exact=True)}
    assert different["batches"] == "step 1, batch_hash"
    assert different["losses"] == "step 1, loss"
    assert different["weights"]
    assert not different["learning rates"]


@pytest.fixture
def run(tmp_path):
    """`run(name, rows, weights)`: a run folder with just what is compared."""

    def write(name, rows, weights):
        folder = RunFolder(tmp_path / name)
        folder.model.mkdir(parents=True)
        folder.metrics_file.write_text("".join(json.dumps({"step": n, **row}) + "\n" for n, row in enumerate(rows, 1)))
        save_file(weights, folder.model / "model.safetensors")
        return folder

    return write


ROWS = [{"batch_hash": "ab", "learning_rates": {"llm": 1e-3}, "loss": 2.0, "seconds": 1}] * 2
WEIGHTS = {"a": torch.ones(4), "b": torch.ones(4)}


def found(one, other, exact):
    return {comparison.what: comparison.first for comparison in compare_runs(one, other, exact=exact)}


def test_the_time_that_a_step_took_makes_no_difference(run):
    slow = [{**row, "seconds": 2} for row in ROWS]
    assert set(found(run("one", ROWS, WEIGHTS), run("other", slow, WEIGHTS), True).values()) == {""}


def test_one_bit_of_a_weight_or_of_a_loss_is_found_unless_the_device_cannot_repeat(run):
    nudged = {**WEIGHTS, "b": torch.nextafter(WEIGHTS["b"], torch.tensor([1.0, 1.0, 1.0, 2.0]))}
    rows = [ROWS[0], {**ROWS[1], "loss": math.nextafter(2.0, 3.0)}]
    one, other = run("one", ROWS, WEIGHTS), run("other", rows, nudged)
    exact = found(one, other, True)
    assert (exact["losses"], exact["weights"]) == ("step 2, loss", "b")
    assert set(found(one, other, False).values()) == {""}


def test_other_batches_and_rates_are_never_tolerated(run):
    rows = [ROWS[0], {**ROWS[1], "batch_hash": "cd", "learning_rates": {"llm": 1.001e-3}}]
    inexact = found(run("one", ROWS, WEIGHTS), run("other", rows, WEIGHTS), False)
    assert inexact == {
        "batches": "step 2, batch_hash", "learning rates": "step 2, learning_rates llm", "losses": "", "weights": "",
    }  # fmt: skip


def test_what_is_missing_or_was_never_written_is_a_difference(run):
    bare = [{"loss": 2.0}]
    one, other = run("one", ROWS, WEIGHTS), run("other", bare, {"a": WEIGHTS["a"]})
    assert found(one, other, False) == {
        "batches": "step 1, batch_hash", "learning rates": "step 1, learning_rates llm", "losses": "step 2, loss",
        "weights": "b",
    }  # fmt: skip
    assert found(other, other, True)["batches"] == "not written down"


def test_a_loss_that_is_no_number_equals_itself_alone(run):
    broken = [{**row, "loss": math.nan} for row in ROWS]
    one, other = run("one", broken, WEIGHTS), run("other", ROWS, WEIGHTS)
    assert found(one, one, True)["losses"] == ""
    assert found(one, other, False)["losses"] == "step 1, loss"
