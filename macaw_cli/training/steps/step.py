"""One optimizer step over all ranks: sequences forward and backward, what the ranks tell each other, the update.

Each sequence seeds torch with (seed, step, sequence). Dropout is then the same at any number of processes and after any
resume, and nothing that happens in between, such as a validation, can change the result.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from macaw_cli.basics import distributed
from macaw_cli.training.data.epoch_plan import PlannedStep
from macaw_cli.training.data.reader import StepBatch
from macaw_cli.training.steps.engine import TrainingEngine, Update
from macaw_cli.training.steps.figures import StepFigures
from macaw_cli.training.steps.step_clock import StepClock
from macaw_cli.training.steps.stop_signals import StopRequest

Value = TypeVar("Value")


@dataclass(frozen=True)
class StepResult:
    """What one step came to; the same on every rank."""

    losses: list[float]
    """Of each sequence, in the order of the plan; their sum is the mean over the step's response tokens or pairs, all
    of which count the same here."""
    digests: list[int]
    """A digest of the content of each sequence, in the same order."""
    update: Update
    stopped: bool
    """Whether any rank was asked to stop."""
    group_sums: Sequence[Sequence[float]] = ()
    """Of each sequence, where there are figures, see `StepFigures.sums`."""

    @property
    def loss(self) -> float:
        """Mean loss over the response tokens of all ranks."""
        return math.fsum(self.losses) if self.losses_are_numbers else math.nan

    @property
    def losses_are_numbers(self) -> bool:
        """Whether every sequence's loss is finite."""
        return all(map(math.isfinite, self.losses))


def train_step(  # noqa: PLR0913 - everything that a step depends on
    engine: TrainingEngine,
    planned: PlannedStep,
    batches: Iterator[StepBatch],
    rates: dict[str, float],
    *,
    seed: int,
    step: int,
    stop: StopRequest,
    clock: StepClock,
    targets: int | None = None,
    weights: StepFigures | None = None,
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
        targets: what the losses are divided by; by default the step's response tokens.
        weights: of the losses, or what else is found out about them; they are not changed here.
    """
    rank, world_size = distributed.rank(), engine.processes.count
    targets = planned.supervised_tokens if targets is None else targets
    losses: list[torch.Tensor] = []
    digests: list[int] = []
    sums: list[torch.Tensor] = []
    for number in range(rank, len(planned.sequences), world_size):
        batch = next(batches)
        clock.lap("load")
        torch.manual_seed(sequence_seed(seed, step, number))
        tokens = weights.tokens(batch, engine.device) if weights else None
        loss = engine.forward(batch, targets, tokens)
        clock.lap("forward")
        engine.backward(loss)
        if weights and tokens and tokens.losses is not None:
            sums.append(weights.sums(tokens, batch))
            losses.append(tokens.losses.sum() / targets)
        else:
            losses.append(loss.detach())
        digests.append(batch.digest)
        if number + world_size >= len(planned.sequences):  # before the update, which a GPU does while the CPU goes on
            messages = _tell_all([float(stop.received or 0), *digests], losses, sums, engine)
        clock.lap("backward")
        update = engine.step(rates)
        clock.lap("optimizer")
    assert update is not None  # the sequences of a step are what DeepSpeed accumulates
    signals = [int(message[0]) for message in messages if message[0]]
    if signals:
        stop.adopt(signals[0])
    count = len(losses)
    return StepResult(
        losses=_in_order([message[1 + count : 1 + 2 * count] for message in messages]),
        digests=[int(digest) for digest in _in_order([message[1 : 1 + count] for message in messages])],
        update=update,
        stopped=bool(signals),
        group_sums=_in_order([_parts(message[1 + 2 * count :], count) for message in messages]) if weights else (),
    )


def sequence_seed(seed: int, step: int, sequence: int) -> int:
    """The seed of one packed sequence's dropout."""
    return ((seed * 1_000_003 + step) * 1_000_003 + sequence) % 2**63


def _tell_all(
    known: list[float], losses: list[torch.Tensor], sums: list[torch.Tensor], engine: TrainingEngine
) -> list[list[float]]:
    """What every rank knows, by rank, in one message of a few numbers."""
    found = torch.cat([torch.stack(losses).double(), *sums])
    if engine.processes.count == 1:
        return [[*known, *found.tolist()]]
    message = torch.cat([torch.tensor(known, dtype=torch.float64, device=engine.device), found])
    gathered = [torch.empty_like(message) for _ in range(engine.processes.count)]
    torch.distributed.all_gather(gathered, message)
    return [one.tolist() for one in gathered]


def _parts(values: list[float], count: int) -> list[list[float]]:
    """`count` lists of equal length."""
    width = len(values) // count
    return [values[start : start + width] for start in range(0, len(values), width)]


def _in_order(of_ranks: Sequence[Sequence[Value]]) -> list[Value]:
    """One list in the order of the plan: sequence i belongs to rank i mod W."""
    return [value for sequences in zip(*of_ranks, strict=True) for value in sequences]
