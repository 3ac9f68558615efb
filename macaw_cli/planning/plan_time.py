"""How long a planned training takes: from real steps where this machine can run them, else why there is no figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from macaw_cli.basics.disk import human_bytes
from macaw_cli.basics.errors import MacawError
from macaw_cli.config.loading import Workspace
from macaw_cli.evaluation.questions.held_out import first_per_kind
from macaw_cli.planning.machine_memory import MachineMemory
from macaw_cli.planning.measured_steps import LIMIT_S, Measurement, measure
from macaw_cli.planning.memory_estimate import estimate, total
from macaw_cli.planning.memory_verdict import USABLE
from macaw_cli.planning.training_plan import TrainingPlan
from macaw_cli.training.processes import Processes
from macaw_cli.training.schedule.stages import Stage
from macaw_cli.training.training_inputs import TrainingInputs
from macaw_cli.training.tuning.llm_source import llm_source

DISK_BYTES_PER_S = 500e6
"""What a usual disk writes; checkpoints are told roughly."""
CONDITIONS = 3
"""Each held-out question is asked with its media, without, and with another's."""


@dataclass(frozen=True)
class ExpectedTime:
    """Seconds of the whole training, in its parts."""

    steps: float
    validation: float
    """Roughly: from the tokens of the held-out questions."""
    checkpoints: float
    """Roughly: at the speed of a usual disk."""
    measured: tuple[Measurement, ...]

    @property
    def total(self) -> float:
        """The sum of all parts, in seconds."""
        return self.steps + self.validation + self.checkpoints


def expected_time(
    workspace: Workspace, inputs: TrainingInputs, stages: Sequence[Stage], plan: TrainingPlan, processes: Processes,
    machine: MachineMemory,
) -> ExpectedTime | str:  # fmt: skip
    """Measure, and count what remains; or why that cannot be done here.

    Args:
        workspace: its settings hold.
        inputs: what the training reads.
        stages: every step.
        plan: the counted plan.
        processes: of the training.
        machine: what is here.
    """
    reason = _why_not(workspace, plan, stages, processes, machine)
    if reason:
        return reason
    try:
        measured = measure(workspace, inputs, stages, processes)
    except MacawError as error:
        return f"the three steps cannot be run here: {error.problem}"
    if len(measured) < len(stages):
        of_stages = f" of each of the {len(stages)} stages" if len(stages) > 1 else ""
        return f"a step{of_stages} takes longer than the {LIMIT_S:.0f} s that measuring may take"
    steps = sum(
        one.seconds([step.tokens // processes.count for step in stage.steps])
        for one, stage in zip(measured, stages, strict=True)
    )
    return ExpectedTime(
        steps=steps,
        validation=_validation(workspace, inputs, stages, measured[-1], processes),
        checkpoints=times(stages, "checkpoint_every") * plan.checkpoint_bytes / DISK_BYTES_PER_S,
        measured=tuple(measured),
    )


def _why_not(
    workspace: Workspace, plan: TrainingPlan, stages: Sequence[Stage], processes: Processes, machine: MachineMemory
) -> str:
    training = stages[0].settings
    if processes.device == "cuda" and not torch.cuda.is_available():
        return "this machine does not have the requested GPUs"
    if processes.device == "cpu" and training.precision == "fp16":
        return "macaw does not train with fp16 on a CPU"
    source = Path(llm_source(workspace))
    if source.is_dir() and not [*source.glob("*.safetensors"), *source.glob("*.bin")]:
        return "the LLM's weights are not here"
    one = Processes(1, processes.device)
    needed = [estimate(stage.size, stage.sequence, training, one) for stage in plan.stages]
    place = machine.gpu if processes.device == "cuda" else machine.host
    most = max(total(memory, "device") for memory in needed)
    if most > USABLE * place:
        return f"one process alone needs about {human_bytes(most)}, but this machine has {human_bytes(place)}"
    return ""


def _validation(
    workspace: Workspace, inputs: TrainingInputs, stages: Sequence[Stage], measured: Measurement, processes: Processes
) -> float:
    """Forward passes over the held-out questions, each with all its choices under every condition, and for the loss."""
    training = stages[-1].settings
    rows = first_per_kind(inputs.dataset.conversations("val"), training.evaluate_examples)
    asked = sum(1 + CONDITIONS * len(row.choices or [""]) for row in rows)
    tokens = asked * float(inputs.tokens.lengths.mean())
    forward = sum(step.seconds.get("forward", 0.0) for step in measured.steps)
    per_token = forward / sum(step.tokens for step in measured.steps)
    return times(stages, "evaluate_every") * tokens * per_token / processes.count


def times(stages: Sequence[Stage], setting: str) -> int:
    """How often something happens that is done every so many steps of the run, and at the end of each stage.

    Args:
        stages: their steps are counted over all of them.
        setting: name of the setting that tells every how many; None there means at the end of each stage alone.
    """
    every = getattr(stages[0].settings, setting)
    ends = {stage.last_step for stage in stages}
    return len(ends | (set(range(every, stages[-1].last_step, every)) if every else set()))
