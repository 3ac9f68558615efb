"""Trainings with `training.swap_negatives`: reported, resumed, and the same at any number of processes."""

import json

import pytest
from interrupted_run import interrupt

from macaw_cli.basics.errors import MismatchError
from macaw_cli.planning.plan_report import show_plan
from macaw_cli.training.processes import Processes
from macaw_cli.training.run import train

SWAPPED = {"swap_negatives": 0.5, "swap_answers": ["No."], "max_steps": 4, "zero_stage": 2}


def rows_of(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_run_reports_how_many_examples_were_swapped_as_its_plan_told(workspace, capfd):
    space = workspace(**SWAPPED)
    show_plan(space, Processes(1, "cpu"), as_json=True)
    (planned,) = json.loads(capfd.readouterr().out)["stages"]
    report = train(space)
    rows = rows_of(space.root / "runs" / report.run)
    assert report.swapped == planned["swapped"] == sum(row.get("swapped", 0) for row in rows)
    assert 0 < report.swapped < sum(row.get("examples", 0) for row in rows)
    assert "Warning" in capfd.readouterr().err  # the world asks the same question about all media
    # as without swapping: the texts, and the same with this bridge's soft tokens
    assert len(list((space.root / "runs" / ".tokens").glob("*-train"))) == 2


def test_a_run_without_it_says_nothing_of_it(workspace):
    report = train(workspace(max_steps=1))
    assert report.swapped == 0


def test_interrupted_or_on_two_processes_the_examples_are_the_same(workspace, monkeypatch):
    one, again, two = (workspace(name, **SWAPPED) for name in ("one", "again", "two"))
    train(one)
    train(two, cpu_processes=2)

    interrupt(again, monkeypatch)
    (folder,) = (again.root / "runs" / "linear-1" / "checkpoints").glob("*4")
    for file in folder.glob("*.pt"):
        file.unlink()  # cut: the checkpoint of step 2 has to do
    changed = workspace("again", **SWAPPED | {"swap_negatives": 0.4})
    with pytest.raises(MismatchError, match=r"training\.swap_negatives"):
        train(changed, resume=True)
    train(again, resume=True)
    models = [space.root / "runs" / "linear-1" / "model" / "model.safetensors" for space in (one, again)]
    assert models[0].read_bytes() == models[1].read_bytes()
    logs = [rows_of(space.root / "runs" / "linear-1") for space in (one, again, two)]
    for row, resumed, shared in zip(*logs, strict=True):
        assert row.get("batch_hash") == resumed.get("batch_hash") == shared.get("batch_hash")
        assert row.get("swapped") == shared.get("swapped")
        if "loss" in row:
            assert row["loss"] == resumed["loss"] == pytest.approx(shared["loss"], abs=1e-6)
