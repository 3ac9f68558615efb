"""What a training will do and what it needs, as a value: counted from the plan and the model's shape alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from macaw_cli.config.weighted_folders import split_weight
from macaw_cli.planning.memory_estimate import Memory, ModelSize, SequenceSize, estimate, total
from macaw_cli.planning.model_size import largest_sequence, model_size
from macaw_cli.training.checkpoints.disk_space import bytes_to_write, checkpoint_bytes
from macaw_cli.training.data.epoch_plan import padding_share
from macaw_cli.training.objectives.registry import new_objective
from macaw_cli.training.processes import Processes
from macaw_cli.training.schedule.stage_plan import mixture_of
from macaw_cli.training.schedule.stages import Stage
from macaw_cli.training.training_inputs import TrainingInputs
from macaw_cli.training.tuning.parameter_groups import counts_by_group

STEPS_LOOKED_AT = 100
"""Of a stage, where all would take long."""


@dataclass(frozen=True)
class StagePlan:
    """One stage."""

    name: str
    objective: str
    pairs: float | None
    """Of media and texts in a packed sequence, with the objective `media-text`."""
    steps: int
    steps_per_epoch: float
    examples: int
    """Conversations, each as often as it is taken."""
    swapped: int
    """Examples with another example's media."""
    tokens: int
    supervised_tokens: int
    padding: float
    """1 - real tokens / (processes x the longest one), summed over steps."""
    datasets: dict[str, tuple[int, float]]
    """Folder to conversations and weight."""
    parameters: dict[str, tuple[int, int]]
    """Group to trained and frozen values."""
    size: ModelSize
    sequence: SequenceSize
    memory: Memory
    """Bytes of one process."""


@dataclass(frozen=True)
class TrainingPlan:
    """The whole training."""

    stages: tuple[StagePlan, ...]
    conversations: int
    skipped: int
    global_batch_size: int
    checkpoint_bytes: int
    disk_bytes: int

    @property
    def steps(self) -> int:
        """Steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    @property
    def fullest(self) -> StagePlan:
        """The stage that needs most memory."""
        return max(self.stages, key=lambda stage: total(stage.memory, "device") + total(stage.memory, "host"))


def make_plan(
    inputs: TrainingInputs, model: Any, stages: Sequence[Stage], processes: Processes, default_dataset: str = "dataset"
) -> TrainingPlan:
    """Count.

    Args:
        inputs: what the training reads.
        model: built without weights (on the `meta` device), its adapter included.
        stages: every step of the training.
        processes: how many, on what.
        default_dataset: `dataset.out`, which stages without datasets train on.
    """
    return TrainingPlan(
        stages=tuple(_stage_plan(inputs, model, stage, processes, default_dataset) for stage in stages),
        conversations=len(inputs.tokens),
        skipped=inputs.tokens.skipped,
        global_batch_size=stages[0].settings.global_batch_size,
        checkpoint_bytes=max(checkpoint_bytes(model, stage.settings) for stage in stages),
        disk_bytes=max(bytes_to_write(model, stage.settings) for stage in stages),
    )


def _stage_plan(
    inputs: TrainingInputs, model: Any, stage: Stage, processes: Processes, default_dataset: str
) -> StagePlan:
    training, lengths = stage.settings, inputs.tokens.lengths.tolist()
    size, sequence = model_size(model, training), largest_sequence(inputs, stage.steps)
    mixture = mixture_of(inputs, training)
    names = [split_weight(text)[0] for text in training.datasets] or [default_dataset]
    taken = sum(step.examples for step in stage.steps)
    return StagePlan(
        name=stage.name,
        objective=training.objective,
        pairs=_pairs(inputs, stage) if training.objective == "media-text" else None,
        steps=len(stage.steps),
        steps_per_epoch=len(stage.steps) * sum(part.count * part.weight for part in mixture) / taken,
        examples=taken,
        swapped=sum(step.swapped for step in stage.steps),
        tokens=sum(step.tokens for step in stage.steps),
        supervised_tokens=sum(step.supervised_tokens for step in stage.steps),
        padding=padding_share(stage.steps, lengths, processes.count),
        datasets={name: (part.count, part.weight) for name, part in zip(names, mixture, strict=True)},
        parameters=counts_by_group(model, training),
        size=size,
        sequence=sequence,
        memory=estimate(size, sequence, training, processes),
    )


def _pairs(inputs: TrainingInputs, stage: Stage) -> float:
    """Mean number of pairs in the packed sequences of some steps."""
    reader = new_objective(inputs, stage.settings).reader(torch.device("cpu"))
    steps = stage.steps[:: max(1, len(stage.steps) // STEPS_LOOKED_AT)]
    return sum(reader.targets(step) for step in steps) / sum(len(step.sequences) for step in steps)
