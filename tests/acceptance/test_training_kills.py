"""One training of two processes, killed twenty times: in the end nobody can tell. Minutes long; `nox -s acceptance`."""

import os
import random
import signal
import time

import pytest
from tiny_world import make_workspace, make_world
from training_processes import log_of, losses, processes_in, start, wait_until, weights, with_module

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
SETTINGS = {
    "bridge": "macaw", "zero_stage": 2, "sequence_length": 230, "global_batch_size": 2, "epochs": 100, "max_steps": 150,
    "checkpoint_every": 4, "log_every": 1, "evaluate_every": 30,
}  # fmt: skip
MOMENTS = ["starting"] * 4 + ["in a step"] * 8 + ["in a checkpoint"] * 7
TWO = ("--cpu-processes", "2")


def at_random_moments(seed):
    """Twenty kills: at which moment, how much later, and whether of one rank alone. The last one hits the end."""
    generator = random.Random(seed)
    generator.shuffle(moments := list(MOMENTS))
    victims = ["everybody", "rank 0", "rank 1"]
    planned = [(moment, generator.random(), generator.choice(victims)) for moment in moments]
    return [*planned, ("after the last step", generator.random(), "everybody")]


def wait_for(moment, chance, process, run, steps_before):
    """Return at the moment; `chance` in [0, 1) says where in it."""
    began = time.time()

    def reached():
        assert process.poll() is None, process.communicate()[1]
        if moment == "in a checkpoint":
            return any(changed_since(began, folder) for folder in (run / "checkpoints").glob("*.tmp"))
        if moment == "after the last step":
            return (run / "checkpoints" / f"step-{SETTINGS['max_steps']:08d}").exists()
        return len(losses(run)) > steps_before + int(chance * 6)

    if moment == "starting":
        time.sleep(chance * 8)
    else:
        wait_until(reached, f"never {moment}", seconds=300)
        time.sleep(chance * 0.05 if moment != "in a checkpoint" else chance * 0.01)


def changed_since(moment, folder):
    """Whether it is being written, rather than left by the kill before."""
    try:
        return folder.stat().st_mtime > moment
    except FileNotFoundError:
        return False


def kill(process, folder, victim):
    running = processes_in(folder)
    ranks = with_module(running, "rank_process")
    alone = ranks[int(victim[-1]) : int(victim[-1]) + 1] if victim != "everybody" else []
    for pid in alone or running:  # while it starts there may be no rank yet
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("kills-world"))


def test_killed_twenty_times_it_ends_with_the_same_weights_and_the_same_log(world, tmp_path):
    calm, killed = (make_workspace(world, tmp_path / name, **SETTINGS) for name in ("calm", "killed"))
    undisturbed = start(calm, *TWO)
    run = killed.root / "runs" / "macaw-1"
    hit = []
    for number, (moment, chance, victim) in enumerate(at_random_moments(seed=4)):
        process = start(killed, *TWO, *(["--resume"] if number else []))
        before = len(losses(run))
        wait_for(moment, chance, process, run, before)
        kill(process, killed.root, victim)
        process.communicate(timeout=100)
        assert process.returncode in (-9, 1), f"kill {number}, {moment}: {process.returncode}"
        wait_until(lambda: not processes_in(killed.root), f"after kill {number} a process is left behind")
        hit.append((moment, victim, before, len(losses(run))))
    final = start(killed, *TWO, "--resume")
    _, err = final.communicate(timeout=600)
    assert final.returncode == 0, err
    _, err = undisturbed.communicate(timeout=600)
    assert undisturbed.returncode == 0, err
    assert weights(run) == weights(calm.root / "runs" / "macaw-1"), hit
    assert log_of(run) == log_of(calm.root / "runs" / "macaw-1"), hit
    assert [path.name for path in (killed.root / "runs").glob("macaw-*")] == ["macaw-1"]
    assert not list((run / "checkpoints").glob("*.tmp"))
    assert not processes_in(killed.root)
    print(*hit, sep="\n")
