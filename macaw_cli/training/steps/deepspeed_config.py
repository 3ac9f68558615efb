"""The DeepSpeed configuration of a run, made of its settings; the run folder keeps it as deepspeed.json.

On several GPUs the sizes of messages decide the speed. They are chosen once, for LLMs of one to some ten billion
parameters, and counted in values:

- gradients are sent while the backward pass goes on (`overlap_comm`), in pieces of 200 M: 400 MB in 16 bits, enough to
  fill the links, and little beside the model;
- under ZeRO 3 about one layer of a 7 B LLM (200 M) is fetched ahead, so that it arrives while the one before computes,
  and what was fetched, ahead or not, is at most 1,000 M;
- weights below 100,000 values (norms, biases) stay whole on every GPU: a message each would cost more than the memory.
"""

from typing import Any

from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.training.processes import Processes

MESSAGE_VALUES = 200_000_000
GATHERED_VALUES = 1_000_000_000
KEPT_WHOLE_VALUES = 100_000


def deepspeed_config(settings: TrainingSettings, processes: Processes) -> dict[str, Any]:
    """The DeepSpeed configuration of a training, or of one of its stages.

    Clipping in fp32 without ZeRO is left to `engine.py`: DeepSpeed has no optimizer of its own there, and would
    neither tell the gradient norm nor skip a non-finite one.

    Args:
        settings: of the stage.
        processes: how many, on what.
    """
    clips_itself = settings.zero_stage > 0 or settings.precision != "fp32"
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": settings.global_batch_size // processes.count,
        "gradient_clipping": settings.max_gradient_norm if clips_itself else 0.0,
        "zero_optimization": _zero(settings, processes),
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,  # torch's fused Adam is as fast and needs no compiler
        "bf16": {"enabled": settings.precision == "bf16"},
        "fp16": {"enabled": settings.precision == "fp16"},
        "timers": {"throughput": {"enabled": False}},  # it waits for the GPU twice per sequence; macaw measures itself
    }


def gradient_buffers(stage: int, processes: Processes) -> int:
    """How many buffers of `MESSAGE_VALUES` DeepSpeed holds for gradients that travel.

    Args:
        stage: of ZeRO. Stages 1 and 2 fill a second one while the first is sent, where that overlaps.
        processes: on what.
    """
    return 2 if stage in (1, 2) and _overlaps(stage, processes) else min(stage, 1)


def _overlaps(stage: int, processes: Processes) -> bool:
    return processes.device == "cuda" and stage > 1  # stage 1 sends once a step, after the last backward pass


def _zero(settings: TrainingSettings, processes: Processes) -> dict[str, Any]:
    stage = settings.zero_stage
    zero: dict[str, Any] = {"stage": stage}
    zero |= {"reduce_bucket_size": MESSAGE_VALUES} if stage else {}
    if stage == 3:
        zero |= {
            "stage3_gather_16bit_weights_on_model_save": True,
            "stage3_max_live_parameters": GATHERED_VALUES,
        }
    if processes.device == "cuda" and stage:
        zero |= {"overlap_comm": _overlaps(stage, processes), "contiguous_gradients": True}
        zero |= {"allgather_bucket_size": MESSAGE_VALUES} if stage < 3 else {}
    if processes.device == "cuda" and stage == 3:
        zero |= {
            "stage3_prefetch_bucket_size": MESSAGE_VALUES,
            "stage3_param_persistence_threshold": KEPT_WHOLE_VALUES,
        }
    if settings.offload:
        in_memory = {"device": "cpu", "pin_memory": processes.device == "cuda"}  # pinned memory copies at full speed
        zero |= {"offload_optimizer": dict(in_memory)}
        zero |= {"offload_param": dict(in_memory)} if stage == 3 else {}
    return zero
