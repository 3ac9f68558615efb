"""DeepSpeed's silence, the optimizer it gets, and a clear word where it is missing."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from macaw_cli.basics.errors import MissingDependencyError
from macaw_cli.training.processes import Processes
from macaw_cli.training.steps import deepspeed_setup
from macaw_cli.training.steps.deepspeed_setup import import_deepspeed, new_optimizer


def test_without_deepspeed_the_reason_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "deepspeed", None)
    with pytest.raises(MissingDependencyError, match="Training needs DeepSpeed"):
        import_deepspeed("cpu")


def test_importing_it_prints_nothing_and_needs_no_compiler():
    code = "from macaw_cli.training.steps.deepspeed_setup import import_deepspeed as i; i('cpu')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PATH": "/nowhere"}, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_the_optimizer_needs_no_compiler():
    groups = [{"params": [torch.nn.Parameter(torch.ones(2))], "name": "bridge", "weight_decay": 0.5}]
    optimizer = new_optimizer(groups)
    assert (type(optimizer), optimizer.defaults["fused"], optimizer.defaults["lr"]) == (torch.optim.AdamW, True, 0.0)


def test_the_device_is_that_of_the_processes_not_where_the_model_waits(monkeypatch):
    asked = []

    def known(device):
        asked.append(device)
        return SimpleNamespace(initialize=lambda **given: (given["model"], None, None, None))

    monkeypatch.setattr(deepspeed_setup, "import_deepspeed", known)
    model = torch.nn.Linear(1, 1)
    assert deepspeed_setup.initialize(model, None, {}, Processes(1, "cuda")) is model
    assert asked == ["cuda"]
