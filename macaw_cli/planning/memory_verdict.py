"""Whether a plan fits the memory of this machine, and the smallest change that makes it fit."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from macaw_cli.basics.counts import counted
from macaw_cli.basics.disk import human_bytes
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.planning.machine_memory import MachineMemory, smallest_gpu
from macaw_cli.planning.memory_estimate import Memory, estimate, total
from macaw_cli.planning.training_plan import StagePlan
from macaw_cli.training.processes import Processes

USABLE = 0.95
"""Share of the memory that a training can have; the rest is the driver's, the system's and fragmentation."""


@dataclass(frozen=True)
class Verdict:
    """What the plan's memory means here."""

    fits: bool | None
    """None where the device that is asked for is not here."""
    text: str


def judge(stage: StagePlan, training: TrainingSettings, processes: Processes, machine: MachineMemory) -> Verdict:
    """Compare the fullest stage with the machine.

    Args:
        stage: the stage that needs most.
        training: its settings.
        processes: of the training.
        machine: what is here.
    """
    on_device = total(stage.memory, "device")
    if processes.device == "cuda" and (machine.gpus < processes.count or processes.elsewhere):
        gib = smallest_gpu(on_device / USABLE)
        what = f"needs {counted(processes.count, 'GPU')} of {gib} GB" if gib else "is more than a GPU has"
        if on_host := total(stage.memory, "host"):
            what += f" and {human_bytes(on_host * processes.count)} of CPU memory"
        here = f"there {'is' if machine.gpus == 1 else 'are'} {machine.gpus or 'none'} here"
        advice = "" if gib else _advice(stage, training, processes, MachineMemory(180 * 2**30, processes.count, 2**60))
        return Verdict(None, f"{what}; {here}{advice}")
    if _fits(stage.memory, processes, machine):
        return Verdict(True, f"fits: {_room(processes, machine)}")
    return Verdict(False, f"too much: {_room(processes, machine)}{_advice(stage, training, processes, machine)}")


def _fits(memory: Memory, processes: Processes, machine: MachineMemory) -> bool:
    on_device, on_host = total(memory, "device"), total(memory, "host")
    if processes.device == "cpu":
        return (on_device + on_host) * processes.count <= USABLE * machine.host
    return on_device <= USABLE * machine.gpu and on_host * processes.count <= USABLE * machine.host


def _room(processes: Processes, machine: MachineMemory) -> str:
    if processes.device == "cpu":
        return f"this machine has {human_bytes(machine.host)} for {counted(processes.count, 'process', 'processes')}"
    return f"a GPU here has {human_bytes(machine.gpu)}, the machine {human_bytes(machine.host)}"


def _advice(stage: StagePlan, training: TrainingSettings, processes: Processes, machine: MachineMemory) -> str:
    """The first of the usual changes, each on top of those before, with which it fits."""
    for options, changed in _changes(training, processes):
        if _fits(estimate(stage.size, stage.sequence, changed, processes), processes, machine):
            return f". It fits with {' '.join(f'--set training.{option}' for option in options)}"
    return ". Train an adapter (--set training.adapter=qlora), lower training.sequence_length, or use a smaller LLM"


def _changes(training: TrainingSettings, processes: Processes) -> Iterator[tuple[list[str], TrainingSettings]]:
    options: list[str] = []
    if not training.gradient_checkpointing:
        options, training = [*options, "gradient_checkpointing=true"], replace(training, gradient_checkpointing=True)
        yield options, training
    for stage in range(max(training.zero_stage + 1, 2), 4) if processes.count > 1 else ():
        options = [*(option for option in options if "zero_stage" not in option), f"zero_stage={stage}"]
        training = replace(training, zero_stage=stage)
        yield options, training
    if processes.device == "cuda" and not training.offload:
        stage = max(training.zero_stage, 2)
        options = [*(option for option in options if "zero_stage" not in option), f"zero_stage={stage}", "offload=true"]
        training = replace(training, zero_stage=stage, offload=True)
        yield options, training
