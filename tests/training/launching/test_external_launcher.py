"""`macaw train` as a process of torchrun, srun and deepspeed, on what they take for two machines.

torchrun and deepspeed are real. srun is not here: the tasks get the variables that it would set.
"""

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from training_processes import (
    free_port,
    losses,
    processes_in,
    start,
    start_as,
    start_srun,
    start_torchrun,
    wait_until,
    weights,
    with_module,
)

from macaw_cli.training.checkpoints.folder import newest_progress
from macaw_cli.training.run import train

QUICK = {"sequence_length": 230, "global_batch_size": 2, "checkpoint_every": 1000}
LONG = {**QUICK, "max_steps": 5000, "epochs": 1000}
DEEPSPEED = "import sys; from deepspeed.launcher.runner import main; main(sys.argv[1:])"


def finished(processes, timeout=200):
    """Exit codes, stdout and stderr of all of them, once they have ended."""
    told = [process.communicate(timeout=timeout) for process in processes]
    return [process.returncode for process in processes], [out for out, _ in told], [err for _, err in told]


def run_of(space):
    return space.root / "runs" / "linear-1"


def wait_for_steps(space, steps, seconds=240, processes=()):
    def there():
        ended = [process for process in processes if process.poll() is not None]
        assert not ended, ended[0].communicate()
        return len(losses(run_of(space))) >= steps

    wait_until(there, "the training does not start", seconds)


def ranks_in(space):
    """Process ids by rank of the processes that train in the workspace."""
    found = {}
    for pid in with_module(processes_in(space.root), "macaw_cli"):
        environ = Path(f"/proc/{pid}/environ").read_text()
        variables = dict(variable.split("=", 1) for variable in environ.split("\0") if "=" in variable)
        rank = variables.get("RANK", variables.get("SLURM_PROCID"))
        if rank is not None:
            found[int(rank)] = pid
    return found


def test_two_agents_of_torchrun_log_the_losses_of_one_process(workspace, started):
    alone, there = workspace("alone", **QUICK, max_steps=3), workspace("there", **QUICK, max_steps=3)
    processes = started(start_torchrun(there, "--json"))
    train(alone)
    codes, outs, errs = finished(processes)
    assert codes == [0, 0], errs
    assert json.loads("".join(outs))["steps"] == 3
    assert losses(run_of(there)) == pytest.approx(losses(run_of(alone)), abs=1e-4)
    assert not any(word in "".join(errs) for word in ("Traceback", "terminate called"))


@pytest.mark.slow
def test_a_signal_to_one_task_of_srun_has_all_of_them_save(workspace, started):
    space = workspace(**LONG)
    # beside other work one task starves for more than the impatient minute of `start_as`, and the other gives up
    processes = started(start_srun(space, MACAW_COLLECTIVE_TIMEOUT_S="600"))
    wait_for_steps(space, 3, processes=processes)
    processes[1].send_signal(signal.SIGTERM)
    codes, outs, errs = finished(processes)
    assert (codes, outs) == ([143, 143], ["", ""]), errs
    assert f"Stopped by SIGTERM after step {len(losses(run_of(space)))} of 5000" in errs[0]
    assert errs[1] == ""
    assert newest_progress(run_of(space) / "checkpoints").step == len(losses(run_of(space)))


@pytest.mark.slow
def test_machines_that_meet_through_c10d_end_with_the_weights_of_two_processes_here(workspace, started):
    here, there = workspace("here", **QUICK, zero_stage=2), workspace("there", **QUICK, zero_stage=2)
    meeting = ("--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{free_port()}", "--local-addr", "127.0.0.1")
    processes = started([*start_torchrun(there, meeting=meeting), start(here, "--cpu-processes", "2")])
    codes, _, errs = finished(processes)
    assert codes == [0, 0, 0], errs
    assert weights(run_of(here)) == weights(run_of(there))


@pytest.mark.slow
@pytest.mark.parametrize("target", ["agent", "rank"])
def test_torchrun_that_is_stopped_has_all_machines_save_and_one_process_goes_on(workspace, started, target):
    settings = {**LONG, "zero_stage": 2}
    calm, space = workspace("calm", **settings | {"max_steps": 60}), workspace("space", **settings | {"max_steps": 60})
    train(calm)
    processes = started(start_torchrun(space))
    wait_for_steps(space, 3)
    os.kill(processes[0].pid if target == "agent" else ranks_in(space)[1], signal.SIGTERM)
    codes, outs, errs = finished(processes)
    assert (0 in codes, outs) == (False, ["", ""]), errs
    done = len(losses(run_of(space)))
    assert newest_progress(run_of(space) / "checkpoints").step == done
    assert done < 60
    wait_until(lambda: not processes_in(space.root), "a process is left behind")
    train(space, resume=True)
    assert losses(run_of(space)) == pytest.approx(losses(run_of(calm)), abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("launch", [start_torchrun, start_srun])
@pytest.mark.parametrize("victim", [0, 1])
def test_a_rank_that_is_killed_ends_the_others(workspace, started, launch, victim):
    space = workspace(**LONG)
    processes = started(launch(space))
    wait_for_steps(space, 3)
    os.kill(ranks_in(space)[victim], signal.SIGKILL)
    codes, outs, errs = finished(processes)
    assert (0 in codes, outs) == (False, ["", ""]), errs
    assert "Another process of the training has ended" in errs[1 - victim]
    assert "--resume" in errs[1 - victim]
    wait_until(lambda: not processes_in(space.root), "a process is left behind")


@pytest.mark.slow
def test_ranks_end_with_a_launcher_that_is_killed(workspace, started):
    space = workspace(**LONG)
    processes = started(start_torchrun(space))
    wait_for_steps(space, 3)
    for process in processes:
        process.kill()
    wait_until(lambda: not processes_in(space.root), "a rank trains on as an orphan")
    assert newest_progress(run_of(space) / "checkpoints").step == len(losses(run_of(space)))


@pytest.mark.slow
def test_the_deepspeed_launcher_starts_processes_that_train_together(workspace, started):
    alone, there = workspace("alone", **QUICK, max_steps=3), workspace("there", **QUICK, max_steps=3)
    train(alone)
    command = [sys.executable, "-c", DEEPSPEED, "--num_gpus", "2", "--master_port", str(free_port()), "--module"]
    processes = started([start_as(there, [*command, "macaw_cli", "train", "--run", "linear-1"])])
    codes, outs, errs = finished(processes)
    assert codes == [0], errs
    assert "".join(outs).count("Trained ") == 1
    assert losses(run_of(there)) == pytest.approx(losses(run_of(alone)), abs=1e-4)
    command = json.loads((run_of(there) / "versions.json").read_text())["command"]
    assert command == ["macaw", "train", "--run", "linear-1"]


@pytest.mark.slow
def test_what_all_processes_find_wrong_is_told_once(workspace, started):
    space = workspace(**QUICK, max_steps=3)
    assert finished(started(start_srun(space)))[0] == [0, 0]
    (run_of(space) / "summary.json").unlink()
    options = ("--resume", "--set", "training.learning_rate=0.5")
    codes, outs, errs = finished(started(start_srun(space, *options)))
    assert (codes, outs) == ([1, 1], ["", ""])
    assert "".join(errs).count("training.learning_rate was") == 1, errs


@pytest.mark.slow
def test_a_finished_run_leaves_the_others_nothing_to_do(workspace, started):
    space = workspace(**QUICK, max_steps=2)
    for options in ((), ("--resume", "--run", "linear-1")):
        codes, outs, errs = finished(started(start_srun(space, *options)))
        assert codes == [0, 0], errs
        assert "".join(outs).count("Trained ") == 1


@pytest.mark.slow
def test_twenty_of_twenty_trainings_under_torchrun_end_cleanly(workspace, started):
    for number in range(20):
        space = workspace(f"{number}", **QUICK, max_steps=3, zero_stage=(0, 2, 3)[number % 3])
        codes, _, errs = finished(started(start_torchrun(space)))
        assert codes == [0, 0], f"training {number}: {errs}"
