"""A training that is killed and resumed beside one that is not: the same batches, losses and weights."""

import json
import os
import signal

import pytest
from tiny_world import make_workspace, make_world
from training_processes import log_of, processes_in, start, wait_until, weights

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
K = 3
TWO = ("--cpu-processes", "2")
SETTINGS = {"bridge": "macaw", "max_steps": 2 * K, "checkpoint_every": K, "log_every": 1, "evaluate_every": 2}
STAGES = {"stages": [{"name": "first", "train": ["bridge"], "max_steps": K}, {"name": "second", "max_steps": K}]}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("resume-world"))


def train(space, *options):
    process = start(space, *options)
    _, err = process.communicate(timeout=900)
    assert process.returncode == 0, err


def train_until_killed(space, checkpoint, *options):
    """SIGKILL of every process a moment after the checkpoint, as often as it takes to hit before the end."""
    process = start(space, *options)
    wait_until(lambda: checkpoint.is_dir() or process.poll() is not None, "no checkpoint", seconds=900)
    assert process.poll() is None, process.communicate()[1]
    for pid in processes_in(space.root):
        os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=100)
    wait_until(lambda: not processes_in(space.root), "a process is left behind")


def rows_until(run, step):
    """With the seconds that each took, which no two trainings have in common."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row for row in rows if row["step"] <= step]


@pytest.mark.parametrize(
    ("settings", "options"),
    [({}, ()), (STAGES, ()), ({"zero_stage": 2}, TWO), ({"zero_stage": 3}, TWO)],
    ids=["one process", "two stages", "two processes, ZeRO 2", "two processes, ZeRO 3"],
)
def test_a_killed_run_goes_on_as_if_nothing_had_happened(world, tmp_path, settings, options):
    calm, killed = (make_workspace(world, tmp_path / name, **{**SETTINGS, **settings}) for name in ("calm", "killed"))
    train(calm, *options)
    run, undisturbed = killed.root / "runs" / "macaw-1", calm.root / "runs" / "macaw-1"
    train_until_killed(killed, run / "checkpoints" / f"step-{K:08d}", *options)
    before = rows_until(run, K)
    assert before[-1]["step"] == K
    assert not (run / "summary.json").exists()
    train(killed, *options, "--resume")
    assert rows_until(run, K) == before, "it began anew"
    assert log_of(run) == log_of(undisturbed)
    assert {"batch_hash", "learning_rate", "loss", "gradient_norm"} <= set(log_of(run)[0])
    assert weights(run) == weights(undisturbed)
