"""`macaw train --verify-resume`: a real kill, a table, a verdict, and nothing left behind."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from macaw_cli.basics.errors import InputError, MismatchError, UsageError
from macaw_cli.training.verifying import verify_resume as room
from macaw_cli.training.verifying.verify_resume import verify_resume


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--cpu-processes", "2"]])
def test_a_run_of_the_user_is_found_exact_and_nothing_is_left(workspace, options):
    space = workspace(bridge="macaw", zero_stage=2)
    command = [sys.executable, "-m", "macaw_cli", "train", "--verify-resume", "2", "--json", *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=space.root, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["steps"], told["killed_after"], told["exact"], told["same"]) == (4, 2, True, True)
    assert {row["what"] for row in told["compared"]} >= {"batches", "learning rates", "losses", "weights"}
    assert not list((space.root / "runs").iterdir())


@pytest.mark.slow
def test_a_recipe_of_stages_is_verified_at_their_border(workspace):
    stages = [{"name": "first", "train": ["bridge"]}, {"name": "second"}]
    assert all(one.same for one in verify_resume(workspace(stages=stages), 2))


def test_another_model_after_the_resume_is_told_with_where_and_both_runs_are_kept(workspace, monkeypatch, capfd):
    """The resumed run is replaced by one of another seed: what a resume that forgets something would come to."""
    from macaw_cli.training.run import train

    def train_both(space, k, gpus, cpu_processes, folder, stop):
        for seed, name in enumerate((room.WHOLE, room.KILLED)):
            short = room._shortened(space, k, folder, name)
            train(replace(short, settings=replace(short.settings, seed=seed)))
        return 2 * k

    monkeypatch.setattr(room, "_train_both", train_both)
    space = workspace()
    with pytest.raises(MismatchError, match=r"killed after step 1 .* batches \(first: step 1, batch_hash\)") as error:
        verify_resume(space, 1)
    assert error.value.exit_code == 1
    assert " NO " in capfd.readouterr().out
    (kept,) = (space.root / "runs").glob(".verify-resume-*")
    assert str(kept) in error.value.hint
    assert (kept / "whole" / "summary.json").exists()


@pytest.mark.slow
def test_more_steps_than_there_are_is_told(workspace):
    with pytest.raises(InputError, match="The run ends after 1 steps already"):
        verify_resume(workspace(epochs=0.01), 2)


def test_steps_are_shared_out_among_stages():
    assert [room._lengths(4, 1), room._lengths(5, 2), room._lengths(2, 3)] == [[4], [2, 3], [1, 1, 1]]


def test_several_machines_are_not_verified(workspace, tmp_path):
    with pytest.raises(UsageError, match="Leave --hostfile away"):
        verify_resume(workspace(), 2, hostfile=tmp_path / "hosts")


@pytest.fixture
def in_this_process(monkeypatch):
    """Trainings that end before the kill: what follows is the same, and takes no second process."""
    from macaw_cli.training.run import train

    def run_watched(request, folder, stop, until=None):
        train(request.workspace, gpus=request.gpus, cpu_processes=request.cpu_processes, resume=request.resume)
        return False

    monkeypatch.setattr(room, "run_watched", run_watched)
    return run_watched


@pytest.mark.usefixtures("in_this_process")
def test_a_run_that_goes_on_passes_and_json_has_numbers(workspace, capfd):
    space = workspace(stages=[{"name": "first", "train": ["bridge"]}, {"name": "second"}])
    assert verify_resume(space, 1, as_json=True)
    printed = capfd.readouterr().out
    told = json.loads(printed[printed.index("{") :])
    assert {row["largest"] for row in told["compared"]} == {0.0}
    assert not list((space.root / "runs").glob(".verify*"))


def test_a_run_that_begins_anew_is_no_resume_although_it_ends_with_the_same_weights(
    workspace, monkeypatch, in_this_process
):
    def without_checkpoints(request, folder, stop, until=None):
        if request.resume:
            shutil.rmtree(folder / room.KILLED / "checkpoints")
        return in_this_process(request, folder, stop, until)

    monkeypatch.setattr(room, "run_watched", without_checkpoints)
    space = workspace()
    with pytest.raises(MismatchError, match="did not go on after step 1: it began anew"):
        verify_resume(space, 1)
    (kept,) = (space.root / "runs").glob(".verify-resume-*")
    assert "began anew" in (kept / "kept.txt").read_text()


@pytest.mark.usefixtures("in_this_process")
def test_a_killed_run_without_the_checkpoint_of_its_kill_is_told(workspace, monkeypatch):
    monkeypatch.setattr(room, "_forget_what_came_later", lambda run, checkpoint: shutil.rmtree(run.checkpoints))
    with pytest.raises(MismatchError, match="killed after step 1 has no whole checkpoint"):
        verify_resume(workspace(), 1)


def test_a_difference_without_a_number_is_null_in_json():
    assert [room._finite(value) for value in (float("inf"), 0.5)] == [None, 0.5]
