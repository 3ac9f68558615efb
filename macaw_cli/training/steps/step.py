"""One optimizer step over all ranks: sequences forward and backward, what the ranks tell each other, the update.

Each sequence seeds torch with (seed, step, sequence). Dropout is then the same at any number of processes and after any
resume, and nothing that happens in between, such as a validation, can change the result.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from macaw_cli.basics import distributed
from macaw_cli.training.data.batches import Batch
from macaw_cli.training.data.epoch_plan import PlannedStep
from macaw_cli.training.steps.engine import TrainingEngine, Update
from macaw_cli.training.steps.step_clock import StepClock
from macaw_cli.training.steps.stop_signals import StopRequest


@dataclass(frozen=True)
class StepResult:
    """What one step came to; the same on every rank."""

    losses: list[float]
    """Of each sequence, in the order of the plan; their sum is the mean over the step's response tokens."""
    digests: list[int]
    """A digest of the content of each sequence, in the same order."""
    update: Update
    stopped: bool
    """Whether any rank was asked to stop."""

    @property
    def loss(self) -> float:
        """Mean loss over the response tokens of all ranks."""
        return math.fsum(self.losses) if self.losses_are_numbers else math.nan

    @property
    def losses_are_numbers(self) -> bool:
        """Whether every sequence's loss is finite."""
        return all(map(math.isfinite, self.losses))


def train_step(
    engine: TrainingEngine,
    planned: PlannedStep,
    batches: Iterator[Batch],
    rates: dict[str, float],
    *,
    seed: int,
    step: int,
    stop: StopRequest,
    clock: StepClock,
) -> StepResult:
    """Train on the sequences of one step.

    Args:
        engine: the model in training.
        planned: the step.
        batches: this rank's sequences, in order; as many are taken as the step has.
        rates: learning rate per group.
        seed: of the run.
        step: number of the step in the run, from 0.
        stop: whether somebody asked this rank to stop.
        clock: gets the time of each phase.
    """
    rank, world_size = distributed.rank(), engine.processes.count
    losses: list[torch.Tensor] = []
    digests: list[int] = []
    for number in range(rank, len(planned.sequences), world_size):
        batch = next(batches)
        clock.lap("load")
        torch.manual_seed(sequence_seed(seed, step, number))
        loss = engine.forward(batch, planned.supervised_tokens)
        clock.lap("forward")
        engine.backward(loss)
        losses.append(loss.detach())
        digests.append(batch.digest)
        if number + world_size >= len(planned.sequences):  # before the update, which a GPU does while the CPU goes on
            messages = _tell_all([float(stop.received or 0), *digests], losses, engine)
        clock.lap("backward")
        update = engine.step(rates)
        clock.lap("optimizer")
    assert update is not None  # the sequences of a step are what DeepSpeed accumulates
    signals = [int(message[0]) for message in messages if message[0]]
    if signals:
        stop.adopt(signals[0])
    count = len(losses)
    return StepResult(
        losses=_in_order([message[1 + count :] for message in messages]),
        digests=[int(digest) for digest in _in_order([message[1 : 1 + count] for message in messages])],
        update=update,
        stopped=bool(signals),
    )


def sequence_seed(seed: int, step: int, sequence: int) -> int:
    """The seed of one packed sequence's dropout."""
    return ((seed * 1_000_003 + step) * 1_000_003 + sequence) % 2**63


def _tell_all(known: list[float], losses: list[torch.Tensor], engine: TrainingEngine) -> list[list[float]]:
    """What every rank knows, by rank, in one message of a few numbers."""
    found = torch.stack(losses).double()
    if engine.processes.count == 1:
        return [[*known, *found.tolist()]]
    message = torch.cat([torch.tensor(known, dtype=torch.float64, device=engine.device), found])
    gathered = [torch.empty_like(message) for _ in range(engine.processes.count)]
    torch.distributed.all_gather(gathered, message)
    return [one.tolist() for one in gathered]


def _in_order(of_ranks: list[list[float]]) -> list[float]:
    """One list in the order of the plan: sequence i belongs to rank i mod W."""
    return [value for sequences in zip(*of_ranks, strict=True) for value in sequences]
