"""What goes wrong while a plan's real steps are measured is told, and the steps run where the training would."""

from contextlib import nullcontext

import pytest
import torch

from macaw_cli.basics.errors import ResourceError
from macaw_cli.planning import measured_steps
from macaw_cli.planning.measured_steps import measure
from macaw_cli.training.processes import Processes
from macaw_cli.training.schedule.stages import plan_stages
from macaw_cli.training.training_inputs import prepare


def test_memory_that_is_too_small_for_the_measured_steps_is_told(workspace, monkeypatch):
    def too_large(*_args, **_options):
        raise torch.OutOfMemoryError("Tried to allocate 20.00 GiB.")

    space = workspace()
    inputs = prepare(space)
    monkeypatch.setattr(measured_steps, "train_step", too_large)
    with pytest.raises(ResourceError, match=r"Tried to allocate 20\.00 GiB") as told:
        measure(space, inputs, plan_stages(inputs, space.settings), Processes(1, "cpu"))
    assert "training.sequence_length" in told.value.hint


def test_the_weights_are_loaded_for_the_device_of_the_training(workspace, monkeypatch):
    class Loaded(Exception):
        """Ends the measuring where the weights would be read."""

    def load(_workspace, _config, _dataset, device="cpu"):
        raise Loaded(device)

    space = workspace()
    inputs = prepare(space)
    monkeypatch.setattr(measured_steps, "new_model", load)
    monkeypatch.setattr(measured_steps, "process_group", lambda _processes: nullcontext())
    monkeypatch.setattr(measured_steps, "PeakMemory", lambda _device: None)  # it asks the GPU
    with pytest.raises(Loaded, match=r"^cuda$"):
        measure(space, inputs, plan_stages(inputs, space.settings), Processes(1, "cuda"))
