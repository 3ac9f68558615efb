"""DeepSpeed's configuration, its silence, and a clear word where it is missing."""

import subprocess
import sys

import pytest

from macaw_cli.basics.errors import MissingDependencyError
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.training.deepspeed_setup import deepspeed_config, import_deepspeed
from macaw_cli.training.processes import Processes


def test_accumulation_follows_from_the_processes():
    settings = TrainingSettings(packs_per_step=8, precision="fp32", max_gradient_norm=0.5)
    assert deepspeed_config(settings, Processes(4, "cpu"))["gradient_accumulation_steps"] == 2
    assert deepspeed_config(settings, Processes(1, "cpu"))["gradient_accumulation_steps"] == 8


def test_clipping_is_ours_only_in_fp32_without_zero():
    clipping = {
        (precision, stage): deepspeed_config(
            TrainingSettings(precision=precision, zero_stage=stage, max_gradient_norm=0.5), Processes(1, "cpu")
        )["gradient_clipping"]
        for precision in ("fp32", "bf16")
        for stage in (0, 2)
    }
    assert clipping == {("fp32", 0): 0.0, ("fp32", 2): 0.5, ("bf16", 0): 0.5, ("bf16", 2): 0.5}


def test_offload_names_what_goes_to_the_cpu():
    zero = deepspeed_config(TrainingSettings(offload=True, zero_stage=3), Processes(1, "cuda"))["zero_optimization"]
    assert zero["offload_param"] == zero["offload_optimizer"] == {"device": "cpu"}
    zero = deepspeed_config(TrainingSettings(offload=True, zero_stage=2), Processes(1, "cuda"))["zero_optimization"]
    assert "offload_param" not in zero


def test_without_deepspeed_the_reason_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "deepspeed", None)
    with pytest.raises(MissingDependencyError, match="Training needs DeepSpeed"):
        import_deepspeed("cpu")


def test_importing_it_prints_nothing_and_needs_no_compiler():
    code = "from macaw_cli.training.deepspeed_setup import import_deepspeed as i; i('cpu')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PATH": "/nowhere"}, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
