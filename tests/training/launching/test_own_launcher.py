"""Several processes, as a user starts them: the same losses as one, signals, deaths, and always a clean end."""

import json
import os
import signal
from pathlib import Path

import pytest
from training_processes import losses, processes_in, start, wait_until

from macaw_cli.training.checkpoints.folder import newest_progress
from macaw_cli.training.run import train
from macaw_cli.training.schedule.stage_plan import plan_stage
from macaw_cli.training.training_inputs import prepare

ONE_CONVERSATION_PER_PACK = {"sequence_length": 230, "global_batch_size": 2, "checkpoint_every": 1000}


def finish(process, timeout=120):
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def wait_for_steps(run, steps):
    wait_until(lambda: len(losses(run)) >= steps, "the training does not start")


def ranks_of(process):
    """Process ids of the ranks below a launcher, by rank."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    found = {}
    for child in children:
        variables = dict(v.split("=", 1) for v in Path(f"/proc/{child}/environ").read_text().split("\0") if "=" in v)
        if "RANK" in variables:
            found[int(variables["RANK"])] = int(child)
    return found


def modalities_of_ranks(space):
    """For each step: the modalities of rank 0 and of rank 1."""
    inputs = prepare(space)
    rows = inputs.rows

    def of_rank(step, rank):
        examples = [example for sequence in step.sequences_of(rank, 2) for example in sequence]
        return {ref.modality for example in examples for ref in rows[example].media}

    steps = plan_stage(inputs, space.settings.training, space.settings.seed)
    return [(of_rank(step, 0), of_rank(step, 1)) for step in steps]


ADAPTER = {"name": "llama-adapter-v2", "tokens": 3, "width": 16, "blocks": 2, "heads": 2}
GATED = {"name": "gated-cross-attention", "every": 1, "heads": 2, "head_dim": 8}


@pytest.mark.parametrize(
    ("stage", "injection"),
    [(2, "none"), *(pytest.param(stage, "none", marks=pytest.mark.slow) for stage in (0, 1, 3)),
     (3, GATED), *(pytest.param(stage, GATED, marks=pytest.mark.slow) for stage in (0, 2)),
     *(pytest.param(stage, ADAPTER, marks=pytest.mark.slow) for stage in (2, 3))],
)  # fmt: skip
def test_two_processes_with_different_media_give_the_losses_of_one(workspace, stage, injection):
    settings = {**ONE_CONVERSATION_PER_PACK, "max_steps": 20, "zero_stage": stage, "bridge": "macaw"}
    settings["injection"] = injection
    alone, together = workspace("alone", **settings), workspace("together", **settings)
    steps = modalities_of_ranks(alone)
    assert any(one != other for one, other in steps)
    train(alone)
    code, out, err = finish(start(together, "--cpu-processes", "2"))
    assert (code, out.count("\n"), "Traceback" in err) == (0, 1, False), err
    expected = losses(alone.root / "runs" / "macaw-1")
    assert losses(together.root / "runs" / "macaw-1") == pytest.approx(expected, abs=1e-4)
    written = json.loads((together.root / "runs" / "macaw-1" / "versions.json").read_text())
    assert written["command"] == ["macaw", "train", "--cpu-processes", "2"]


def test_sigterm_saves_on_every_rank_before_the_launcher_ends(workspace):
    space = workspace(**ONE_CONVERSATION_PER_PACK, max_steps=2000, epochs=100)
    run = space.root / "runs" / "linear-1"
    process = start(space, "--cpu-processes", "2")
    wait_for_steps(run, 3)
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 143, err
    assert "Traceback" not in err
    steps = len(losses(run))
    assert f"Stopped by SIGTERM after step {steps} of 2000" in err
    assert newest_progress(run / "checkpoints").step == steps


@pytest.mark.slow
@pytest.mark.parametrize("target", ["rank 0", "rank 1", "everybody", "launcher"])
def test_killed_ranks_are_told_and_the_same_command_ends_with_the_same_bytes(workspace, target):
    settings = {**ONE_CONVERSATION_PER_PACK, "checkpoint_every": 3, "max_steps": 100, "zero_stage": 2}
    calm, killed = workspace("calm", **settings), workspace("killed", **settings)
    assert finish(start(calm, "--cpu-processes", "2"))[0] == 0
    run = killed.root / "runs" / "linear-1"
    process = start(killed, "--cpu-processes", "2")
    wait_for_steps(run, 5)
    ranks = ranks_of(process)
    single = {"rank 0": [ranks[0]], "rank 1": [ranks[1]], "launcher": [process.pid]}
    for victim in single.get(target, [process.pid, *ranks.values()]):
        os.kill(victim, signal.SIGKILL)
    code, _, err = finish(process)
    if target.startswith("rank"):
        assert code == 1
        assert f"Process {target[-1]} of 2 ended by signal 9" in err
        assert "--resume" in err
    wait_until(lambda: not processes_in(killed.root), "a rank trains on as an orphan")
    code, _, err = finish(start(killed, "--cpu-processes", "2", "--resume"))
    assert code == 0, err
    assert losses(run) == losses(calm.root / "runs" / "linear-1")
    one, other = (space.root / "runs" / "linear-1" / "model" / "model.safetensors" for space in (calm, killed))
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.slow
def test_a_rank_that_hangs_is_told_by_those_who_waited_for_it(workspace):
    space = workspace(**ONE_CONVERSATION_PER_PACK, max_steps=2000, epochs=100)
    process = start(space, "--cpu-processes", "2", MACAW_COLLECTIVE_TIMEOUT_S="20")
    wait_for_steps(space.root / "runs" / "linear-1", 3)
    os.kill(ranks_of(process)[1], signal.SIGSTOP)
    code, _, err = finish(process, timeout=200)  # 20 s of silence, and 30 until the launcher kills it
    assert code == 1
    assert "Process 0 of 2 waited" in err
    assert "Traceback" not in err
    wait_until(lambda: not processes_in(space.root), "a process is left behind")


@pytest.mark.slow
@pytest.mark.parametrize("stage", [0, 2, 3])
def test_twenty_of_twenty_trainings_of_two_processes_end_cleanly(workspace, stage):
    for number in range(20):
        space = workspace(f"{number}", **ONE_CONVERSATION_PER_PACK, max_steps=4, zero_stage=stage)
        code, _, err = finish(start(space, "--cpu-processes", "2"))
        assert code == 0, f"training {number}: {err}"


def test_the_death_that_the_others_followed_is_told():
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

    from macaw_cli.training.launching.own_launcher import how_it_began

    failures = [ProcessFailure(0, 11, 1, ""), ProcessFailure(1, 12, -9, ""), ProcessFailure(2, 13, -15, "")]
    assert how_it_began(failures, 3).text == "Process 1 of 3 ended by signal 9."
