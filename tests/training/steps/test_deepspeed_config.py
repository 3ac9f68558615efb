"""What DeepSpeed is told, as a function of settings and processes."""

import json

from deepspeed.utils.config import get_timers_config

from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.training.processes import Processes
from macaw_cli.training.run import train
from macaw_cli.training.steps.deepspeed_config import deepspeed_config


def test_accumulation_follows_from_the_processes():
    settings = TrainingSettings(global_batch_size=8, precision="fp32", max_gradient_norm=0.5)
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


def test_deepspeed_does_not_measure_beside_macaw():
    config = deepspeed_config(TrainingSettings(), Processes(1, "cuda"))
    assert get_timers_config(config).enabled is False


def test_offload_names_what_goes_to_the_cpu():
    zero = deepspeed_config(TrainingSettings(offload=True, zero_stage=3), Processes(1, "cuda"))["zero_optimization"]
    assert zero["offload_param"] == zero["offload_optimizer"] == {"device": "cpu", "pin_memory": True}
    zero = deepspeed_config(TrainingSettings(offload=True, zero_stage=2), Processes(1, "cuda"))["zero_optimization"]
    assert "offload_param" not in zero


def test_on_several_gpus_gradients_travel_during_the_backward_pass():
    def zero(stage, device="cuda"):
        return deepspeed_config(TrainingSettings(zero_stage=stage), Processes(2, device))["zero_optimization"]

    assert [zero(stage)["overlap_comm"] for stage in (1, 2, 3)] == [False, True, True]
    assert "stage3_prefetch_bucket_size" in zero(3)
    assert zero(0) == {"stage": 0}
    assert set(zero(2, "cpu")) == {"stage", "reduce_bucket_size"}


def test_a_run_keeps_what_deepspeed_was_told_for_each_stage(workspace):
    stages = [{"name": "align", "train": ["bridge"], "global_batch_size": 2}, {"name": "tune"}]
    space = workspace(stages=[{**stage, "max_steps": 1} for stage in stages], zero_stage=2)
    train(space)
    run = space.root / "runs" / "linear-1"
    told = [json.loads((run / f"deepspeed-{stage['name']}.json").read_text()) for stage in stages]
    assert [config["gradient_accumulation_steps"] for config in told] == [2, 4]
    assert told[0]["zero_optimization"]["stage"] == 2
