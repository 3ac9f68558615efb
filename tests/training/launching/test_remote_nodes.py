"""Two hosts that are both this machine: the same weights as two processes without, and a clean end whatever happens.

The `ssh` of these tests stands in for the network only (see conftest.py); everything that it starts is real.
"""

import os
import re
import signal

import pytest
from training_processes import losses, processes_in, wait_until, weights, with_module

from macaw_cli.training.checkpoints.folder import newest_progress
from macaw_cli.training.launching.remote_nodes import forwarded
from macaw_cli.training.run import train

QUICK = {"pack_tokens": 230, "packs_per_step": 2, "checkpoint_every": 1000}
LONG = {**QUICK, "max_steps": 5000, "epochs": 1000}

pytestmark = pytest.mark.usefixtures("stand_in_for_ssh")


def two_hosts(space):
    (space.root / "hostfile").write_text("127.0.0.1 slots=1\nlocalhost slots=1\n")
    return "--hostfile", "hostfile", "--cpu-processes", "1"


def test_two_hosts_log_the_losses_of_one_process(workspace, start):
    alone, there = workspace("alone", **QUICK, max_steps=3), workspace("there", **QUICK, max_steps=3)
    process = start(there, *two_hosts(there))
    train(alone)
    out, err = process.communicate(timeout=200)
    assert (process.returncode, out.count("\n")) == (0, 1), err
    expected = losses(alone.root / "runs" / "linear-1")
    assert losses(there.root / "runs" / "linear-1") == pytest.approx(expected, abs=1e-4)
    assert not list((there.root / "runs").rglob(".launch-*"))


@pytest.mark.slow
def test_two_hosts_end_with_the_weights_of_two_processes_here(workspace, start):
    here, there = workspace("here", **QUICK, zero_stage=2), workspace("there", **QUICK, zero_stage=2)
    processes = [start(here, "--cpu-processes", "2"), start(there, *two_hosts(there))]
    for process in processes:
        out, err = process.communicate(timeout=200)
        assert (process.returncode, out.count("\n")) == (0, 1), err
    assert weights(here.root / "runs" / "linear-1") == weights(there.root / "runs" / "linear-1")


@pytest.mark.slow
def test_sigterm_travels_to_the_hosts_which_save(workspace, start):
    space = workspace(**LONG)
    run = space.root / "runs" / "linear-1"
    process = start(space, *two_hosts(space))
    wait_until(lambda: len(losses(run)) > 2, "the training does not start")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 143, err
    assert f"Stopped by SIGTERM after step {len(losses(run))} of" in err
    assert newest_progress(run / "checkpoints").step == len(losses(run))
    wait_until(lambda: not processes_in(space.root), "a process is left behind")


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["node", "rank", "command"])
def test_whatever_dies_ends_all_and_is_told(workspace, start, victim):
    space = workspace(**LONG)
    process = start(space, *two_hosts(space))
    wait_until(lambda: len(losses(space.root / "runs" / "linear-1")) > 2, "the training does not start")
    running = processes_in(space.root)
    nodes, ranks = with_module(running, "node_process"), with_module(running, "rank_process")
    assert (len(nodes), len(ranks)) == (2, 2)
    os.kill({"node": nodes[1], "rank": ranks[1], "command": process.pid}[victim], signal.SIGKILL)
    _, err = process.communicate(timeout=100)
    wait_until(lambda: not processes_in(space.root), "a process is left behind")
    assert process.returncode == (-9 if victim == "command" else 1)
    expected = {
        "node": r"left the training: its launcher ended by signal 9. Stopped by SIGTERM after step \d+ of 5000",
        "rank": r"of 2 on (localhost|127.0.0.1) ended by signal 9",
        "command": "",
    }[victim]
    assert re.search(expected, err), err
    assert "Traceback" not in err


def test_hosts_get_what_trackers_and_networks_need_but_nothing_of_this_machine():
    trackers = {"WANDB_API_KEY": "x", "MLFLOW_TRACKING_URI": "y"}
    given = {**trackers, "https_proxy": "z", "NO_PROXY": "w", "NCCL_DEBUG": "INFO"}
    assert forwarded({**given, "CUDA_VISIBLE_DEVICES": "0", "HOME": "/home/me", "PATH": "/bin"}) == given
