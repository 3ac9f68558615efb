"""Where the time of a step goes: laps belong to phases, and what lies outside of them to none."""

import time

import pytest
import torch

from macaw_cli.training.steps.step_clock import StepClock


def test_laps_of_a_phase_add_up_and_pauses_belong_to_none():
    clock = StepClock(torch.device("cpu"))
    for phase in ("load", "forward", "load"):
        time.sleep(0.01)
        clock.lap(phase)
    time.sleep(0.2)
    clock.start()
    clock.lap("optimizer")
    seconds = clock.collect()
    assert seconds["load"] >= 0.02
    assert seconds["forward"] >= 0.01
    assert seconds["optimizer"] < 0.1
    assert clock.collect(wait=True) == {}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_time_is_that_of_the_work_not_of_queueing_it():
    clock, ones = StepClock(torch.device("cuda")), torch.ones(4096, 4096, device="cuda")
    torch.cuda.synchronize()
    clock.start()
    before = time.perf_counter()
    for _ in range(50):
        ones @ ones
    clock.lap("forward")
    queued = time.perf_counter() - before
    assert clock.collect(wait=True)["forward"] > queued
