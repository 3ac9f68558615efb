"""How many processes train, on what: asked for by options, checked against the machine before any work."""

import os
from dataclasses import dataclass, replace
from typing import Literal

from macaw_cli.basics.console import say
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import ResourceError, UsageError
from macaw_cli.basics.launched_rank import LaunchedRank
from macaw_cli.basics.threads import usable_cores
from macaw_cli.config.loading import Workspace
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.training.data.epoch_plan import require_divisible

FEWEST_READERS, MOST_READERS = 2, 8
"""A packed sequence of CLIP-L and Whisper-large features takes one core 85 ms, where a GPU trains on it in 67 ms."""


@dataclass(frozen=True)
class Processes:
    """The processes of a run: this one alone, several that macaw starts here, or those of another launcher."""

    count: int
    """Over all machines."""
    device: Literal["cpu", "cuda"]
    elsewhere: int = 0
    """How many of them run on other machines than this one."""

    @property
    def threads_each(self) -> int:
        """Compute threads per process: what OMP_NUM_THREADS says, else the cores shared out."""
        return threads_for(self._here)

    @property
    def reader_threads(self) -> int:
        """Threads per process that read features ahead: on a GPU half of its share of the cores, on a CPU two."""
        if self.device == "cpu":
            return FEWEST_READERS  # the cores compute
        return min(max(usable_cores() // self._here // 2, FEWEST_READERS), MOST_READERS)

    @property
    def _here(self) -> int:
        return self.count - self.elsewhere


def threads_for(processes: int) -> int:
    """Compute threads for each of `processes` on this machine."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() and int(given) else max(1, usable_cores() // processes)


def choose_processes(
    settings: TrainingSettings, gpus: int | None, cpu_processes: int | None, launched: LaunchedRank | None = None
) -> Processes:
    """Turn `--gpus` / `--cpu-processes` and `training.device` into processes, and check that they can train.

    Args:
        settings: of the training.
        gpus: GPUs of this machine, one process each.
        cpu_processes: processes on this machine's CPU.
        launched: the part of this process where another launcher has started all of them.

    Raises:
        UsageError: both options at once, one of them beside a launcher, a count below 1 or above what divides a step,
            or a precision or offload that the device cannot do.
        ResourceError: fewer GPUs than asked for.
    """
    _require_one_number(gpus, cpu_processes, launched)
    processes = _launched(settings, launched) if launched else _processes(settings, gpus, cpu_processes)
    _require_equal_shares(settings, processes.count)
    _require_possible(settings, processes)
    return processes


def planned_processes(
    settings: TrainingSettings, gpus: int | None, cpu_processes: int | None, launched: LaunchedRank | None = None
) -> Processes:
    """`choose_processes` for a plan: the devices need not be present.

    Raises:
        UsageError: both options at once, one of them beside a launcher, a count below 1 or above what divides a step,
            or settings that exclude each other on any machine.
    """
    _require_one_number(gpus, cpu_processes, launched)
    if launched:
        processes = _launched(settings, launched)
    elif cpu_processes is not None or (gpus is None and settings.device == "cpu"):
        processes = Processes(cpu_processes or 1, "cpu")
    else:
        asked = gpus is not None or settings.device == "cuda" or _gpus_there()
        processes = Processes(gpus or 1, "cuda" if asked else "cpu")
    _require_equal_shares(settings, processes.count)
    _require_zero_for_offload(settings)
    return processes


def gpu_of(rank: LaunchedRank) -> int:
    """The number of the GPU that a launched process trains on.

    Raises:
        ResourceError: there are fewer GPUs than processes on this machine.
    """
    there = _gpus_there()
    if there == 1:
        return 0  # srun has given each task a GPU of its own
    if rank.local_world_size > there:
        raise ResourceError(
            f"{rank.launcher} started {counted(rank.local_world_size, 'process', 'processes')} on a machine with "
            f"{counted(there, 'GPU')}.",
            "Start one process per GPU, or add --set training.device=cpu.",
        )
    return rank.local_rank


def with_precision(settings: TrainingSettings, processes: Processes) -> TrainingSettings:
    """The settings with the number format that `auto` stands for on this device; what is not obvious is said.

    On GPUs that are not here, as in a plan or on other machines, bf16 is assumed.
    """
    if settings.precision != "auto":
        return settings
    return replace(settings, precision="fp32" if processes.device == "cpu" else _gpu_precision())


def _gpu_precision() -> Literal["bf16", "fp16"]:
    import torch

    if not _gpus_there():
        say("training.precision is auto and no GPU was found: the plan assumes bf16 (fp16 on GPUs without bf16).")
        return "bf16"
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return "bf16"
    say(f"training.precision is auto: fp16 is used, because {torch.cuda.get_device_name()} does not support bf16.")
    return "fp16"


def _require_equal_shares(settings: TrainingSettings, count: int) -> None:
    stages = [stage.global_batch_size or settings.global_batch_size for stage in settings.stages]
    for global_batch_size in stages or [settings.global_batch_size]:
        require_divisible(global_batch_size, count)


def _require_one_number(gpus: int | None, cpu_processes: int | None, launched: LaunchedRank | None) -> None:
    for option, value in (("--gpus", gpus), ("--cpu-processes", cpu_processes)):
        if value is not None and value < 1:
            raise UsageError(f"{option} must be at least 1, found {value}.")
        if value is not None and launched is not None:
            raise UsageError(
                f"{option} {value} asks macaw to start processes, but {launched.launcher} has started "
                f"{launched.world_size} already.",
                f"Leave {option} out, and have {launched.launcher} start one process per GPU.",
            )
    if gpus is not None and cpu_processes is not None:
        raise UsageError("--gpus and --cpu-processes cannot be combined.", "Give one of them.")


def _launched(settings: TrainingSettings, launched: LaunchedRank) -> Processes:
    elsewhere = launched.world_size - launched.local_world_size
    if settings.device == "cpu" or (settings.device == "auto" and not _gpus_there()):
        return Processes(launched.world_size, "cpu", elsewhere)
    gpu_of(launched)
    return Processes(launched.world_size, "cuda", elsewhere)


def _processes(settings: TrainingSettings, gpus: int | None, cpu_processes: int | None) -> Processes:
    if cpu_processes is not None:
        return Processes(cpu_processes, "cpu")
    if gpus is None and settings.device == "cpu":
        return Processes(1, "cpu")
    there = _gpus_there()
    if gpus is None:
        if settings.device == "cuda" and not there:
            raise ResourceError("training.device is cuda, but no GPU was found.", "Add --set training.device=cpu.")
        return Processes(1, "cuda" if there else "cpu")
    if gpus > there:
        found = f"only {counted(there, 'GPU')} found" if there else "no GPU found"
        instead = f"--gpus {there}" if there else f"--cpu-processes {min(gpus, usable_cores())}"
        raise ResourceError(f"`--gpus {gpus}` requested, but {found}.", f"Use `{instead}`.")
    return Processes(gpus, "cuda")


def _gpus_there() -> int:
    import torch

    return torch.cuda.device_count()


def _require_possible(settings: TrainingSettings, processes: Processes) -> None:
    if settings.precision == "fp16" and processes.device == "cpu":
        raise UsageError(
            "training.precision is fp16, which is not supported on a CPU: it is slow there and saves nothing.",
            "Add --set training.precision=bf16 (or fp32).",
        )
    _require_zero_for_offload(settings)


def _require_zero_for_offload(settings: TrainingSettings) -> None:
    if settings.offload and settings.zero_stage < 2:
        raise UsageError(
            f"training.offload needs zero_stage 2 or 3, found {settings.zero_stage}.",
            "Add --set training.zero_stage=2, or --set training.offload=false.",
        )


def on_processes(workspace: Workspace, processes: Processes) -> Workspace:
    """The workspace with settings that follow from where it trains."""
    training = with_precision(workspace.settings.training, processes)
    return replace(workspace, settings=replace(workspace.settings, training=training))
