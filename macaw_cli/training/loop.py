"""The loop: one optimizer step after another, until the plan ends or somebody asks to stop.

Each pack seeds torch with (seed, step, pack). Dropout is then the same at any number of processes and after any
resume, and nothing that happens in between, such as a validation, can change what is learnt.
"""

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from macaw_cli.basics import distributed
from macaw_cli.basics.errors import InputError
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.training.batches import Batch, PackReader, read_ahead
from macaw_cli.training.display import TrainingDisplay
from macaw_cli.training.engine import TrainingEngine
from macaw_cli.training.epoch_plan import Pack, PlannedStep
from macaw_cli.training.metrics import PHASES, Meter, MetricsLog
from macaw_cli.training.reporting.facts import StepReport
from macaw_cli.training.schedule import is_due, learning_rates
from macaw_cli.training.signals import StopRequest


@dataclass
class Course:
    """Everything that the loop needs to go on, and what it does at intervals."""

    settings: TrainingSettings
    seed: int
    stage: str
    """Name of the stage that is trained, empty where there is only one."""
    steps: Sequence[PlannedStep]
    """The plan of the stage, all epochs behind each other."""
    first_step: int
    """Steps of the stages before; all numbers of steps count over all stages."""
    total_steps: int
    """Steps of all stages."""
    engine: TrainingEngine
    reader: PackReader
    display: TrainingDisplay
    log: MetricsLog | None
    """None on all ranks but the first."""
    stop: StopRequest
    validate: Callable[[], dict[str, Any] | None]
    save: Callable[[int, Meter], None]


def train_steps(course: Course, first_step: int, meter: Meter) -> int:
    """Train from step `first_step` on; returns the number of steps done when it ends or is stopped.

    Raises:
        InputError: the loss is no longer a number.
    """
    last = course.first_step + len(course.steps)
    batches: Generator[Batch] = read_ahead(course.reader, _packs_to_read(course, first_step))
    course.engine.train()
    for step in range(first_step, last):
        rates = learning_rates(step - course.first_step, course.settings, len(course.steps))
        loss, stopped = train_step(course, step, batches, rates, meter)
        rate = max(rates.values())
        done = step + 1
        planned = course.steps[step - course.first_step]
        course.display.update(StepReport(done, loss, rates, planned.examples, planned.tokens, planned=planned))
        meter = _at_intervals(course, done, rate, meter, stopped)
        if stopped:
            batches.close()
            return done
    return last


def train_step(
    course: Course, step: int, batches: Iterator[Batch], rates: dict[str, float], meter: Meter
) -> tuple[float, bool]:
    """One optimizer step: this rank's packs forward and backward, then the update.

    Returns:
        The loss over the response tokens of all ranks, and whether any rank was asked to stop.
    """
    planned = course.steps[step - course.first_step]
    rank, world_size = distributed.rank(), course.engine.processes.count
    seconds = dict.fromkeys(PHASES, 0.0)
    total = torch.zeros((), dtype=torch.float64)
    norm = 0.0
    for number, _ in enumerate(planned.packs_of(rank, world_size)):
        clock = _Clock(seconds)
        batch = next(batches)
        clock.lap("load")
        torch.manual_seed(pack_seed(course.seed, step, rank + number * world_size))
        loss = course.engine.forward(batch, planned.supervised_tokens)
        clock.lap("forward")
        course.engine.backward(loss)
        total += loss.detach().cpu()
        clock.lap("backward")
        norm = course.engine.step(rates) or norm
        clock.lap("optimizer")
    mean, stopped = _agree(course, total)
    _require_number("loss", mean, step)
    if course.settings.precision != "fp16":  # there DeepSpeed skips such a step and lowers its scale
        _require_number("gradient norm", norm, step)
    meter.add(loss=mean, gradient_norm=norm, examples=planned.examples, tokens=planned.tokens, seconds=seconds)
    return mean, stopped


def pack_seed(seed: int, step: int, pack: int) -> int:
    """The seed of one pack's dropout."""
    return ((seed * 1_000_003 + step) * 1_000_003 + pack) % 2**63


class _Clock:
    """Adds the time since the last lap to a phase."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds
        self._since = time.perf_counter()

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self._seconds[phase] += now - self._since
        self._since = now


def _packs_to_read(course: Course, first_step: int) -> Iterator[Pack]:
    rank, world_size = distributed.rank(), course.engine.processes.count
    for planned in course.steps[first_step - course.first_step :]:
        yield from planned.packs_of(rank, world_size)


def _agree(course: Course, total: torch.Tensor) -> tuple[float, bool]:
    """Sum the loss over the ranks, and learn in the same message whether one of them was told to stop."""
    received = course.stop.received
    if course.engine.processes.count == 1:
        return float(total), received is not None
    message = torch.tensor([float(total), float(received or 0)], dtype=torch.float64, device=course.engine.device)
    gathered = [torch.zeros_like(message) for _ in range(course.engine.processes.count)]
    torch.distributed.all_gather(gathered, message)
    signals = [int(one[1]) for one in gathered if one[1]]
    if signals:
        course.stop.adopt(signals[0])
    return float(sum(float(one[0]) for one in gathered)), bool(signals)


def _require_number(what: str, value: float, step: int) -> None:
    if not math.isfinite(value):
        raise InputError(
            f"The {what} became {value} at step {step + 1}.",
            "Lower training.learning_rate or raise training.warmup_ratio; earlier checkpoints are kept.",
        )


def _at_intervals(course: Course, done: int, rate: float, meter: Meter, stopped: bool) -> Meter:
    """Log, validate and save what is due after `done` steps; the checkpoint comes last, so it covers the others."""
    settings, last = course.settings, course.first_step + len(course.steps)
    if is_due(done, settings.log_every, last):
        if course.log:
            course.log.write(meter.row(done, rate))
        meter = Meter()
    if is_due(done, settings.evaluate_every, last):
        with course.display.pause("validation"):
            figures = course.validate()
        if figures and course.log:
            course.log.write({"step": done, "validation": figures})
            course.display.validated(figures)
    if stopped or is_due(done, settings.checkpoint_every, last):
        if course.log:
            course.log.sync()
        with course.display.pause("checkpoint"):
            course.save(done, meter)
    return meter
