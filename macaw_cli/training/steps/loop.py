"""The loop: one optimizer step after another, until the plan ends, somebody asks to stop, or nothing gets better."""

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from macaw_cli.basics import distributed
from macaw_cli.basics.console import say
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.training.data.epoch_plan import PlannedStep, capacity
from macaw_cli.training.data.reader import Reader, StepBatch, read_ahead
from macaw_cli.training.data.step_sample import PackedExamples
from macaw_cli.training.reporting.display import TrainingDisplay, memory_in_use
from macaw_cli.training.reporting.facts import StepReport
from macaw_cli.training.reporting.meter import Meter
from macaw_cli.training.reporting.metrics import MetricsLog
from macaw_cli.training.schedule.learning_rates import is_due, learning_rates
from macaw_cli.training.steps.engine import TrainingEngine
from macaw_cli.training.steps.figures import StepFigures
from macaw_cli.training.steps.progress import Progress
from macaw_cli.training.steps.skipping import SkippedSteps
from macaw_cli.training.steps.step import StepResult, train_step
from macaw_cli.training.steps.step_clock import StepClock
from macaw_cli.training.steps.stop_signals import StopRequest


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
    engine: TrainingEngine
    reader: Reader
    display: TrainingDisplay
    log: MetricsLog | None
    """None on all ranks but the first."""
    stop: StopRequest
    validate: Callable[[], dict[str, Any] | None]
    save: Callable[[Progress], None]
    weights: StepFigures | None = None
    """Of the losses, where they are weighted, or what else is found out about them."""

    @property
    def last_step(self) -> int:
        """Steps done when the stage ends."""
        return self.first_step + len(self.steps)

    def planned(self, step: int) -> PlannedStep:
        """The step with this number, from 0, over all stages."""
        return self.steps[step - self.first_step]


def train_steps(course: Course, progress: Progress) -> Progress:
    """Train from where `progress` stands to the end of the stage; returns where the run stands then.

    It ends before when somebody asks to stop, or when validations have not become better for too long.

    Raises:
        InputError: more steps were skipped than may be.
    """
    loop = _Loop(course, progress)
    if stopped_early(progress, course.settings):
        return progress
    course.engine.train()
    sequences, threads = _sequences_to_read(course, progress.step), course.engine.processes.reader_threads
    with closing(read_ahead(course.reader, sequences, threads)) as batches:
        while loop.progress.step < course.last_step:
            if loop.advance(batches):
                break
    return loop.progress


def stopped_early(progress: Progress, settings: TrainingSettings) -> bool:
    """Whether as many validations in a row as `training.early_stopping` says were not better than the best."""
    return settings.early_stopping is not None and progress.best.since >= settings.early_stopping


class _Loop:
    """What changes from step to step."""

    def __init__(self, course: Course, progress: Progress) -> None:
        self._course, self.progress = course, progress
        self._meter = Meter(**progress.meter)
        self._clock = StepClock(course.engine.device)
        self._skipped = SkippedSteps(course.reader, course.settings.max_skipped_steps)
        self._saved_step = progress.step  # a run goes on, and a stage begins, where a checkpoint is

    def advance(self, batches: Generator[StepBatch]) -> bool:
        """One more step, and what is due after it; returns whether that was the last for now."""
        course, step = self._course, self.progress.step
        rates = learning_rates(step - course.first_step, course.settings, len(course.steps))
        targets = course.reader.targets(course.planned(step))
        result = train_step(
            course.engine, course.planned(step), batches, rates,
            seed=course.seed, step=step, stop=course.stop, clock=self._clock,
            targets=targets, weights=course.weights,
        )  # fmt: skip
        self._count(result, rates, targets)
        self._log_if_due(rates)
        validated = self._validate_if_due()
        enough = stopped_early(self.progress, course.settings)
        if enough and self._meter.steps + self._meter.skipped:
            self._write_row(rates)
        self._save_if_due(result.stopped or enough or (validated and course.settings.keep_best))
        self._clock.start()
        return result.stopped or enough

    def _count(self, result: StepResult, rates: dict[str, float], targets: int) -> None:
        course, planned, update = self._course, self._course.planned(self.progress.step), result.update
        self.progress = replace(self.progress, step=self.progress.step + 1)
        if update.applied:
            parts = course.weights.update(result.group_sums, targets) if course.weights else {}
            self._meter.add(
                loss=result.loss, gradient_norm=update.gradient_norm, gradient_norms=update.gradient_norms, parts=parts
            )
            if course.weights:
                self.progress = replace(self.progress, loss_weights=course.weights.state())
        else:
            self._meter.skipped += 1
            self.progress = self._skipped.count(self.progress, result, planned, saved_step=self._saved_step)
        waited_for = capacity(planned, course.reader.lengths, course.engine.processes.count)
        self._meter.add_batches(
            result.digests, examples=planned.examples, tokens=planned.tokens, capacity=waited_for,
            swapped=planned.swapped,
        )
        seconds = self._clock.collect()
        self._meter.add_seconds(seconds)
        report = StepReport(self.progress.step, result.loss, rates, planned.examples, planned.tokens, seconds)
        course.display.update(replace(report, skipped=not update.applied, planned=planned))

    def _log_if_due(self, rates: dict[str, float]) -> None:
        if is_due(self.progress.step, self._course.settings.log_every, self._course.last_step):
            self._write_row(rates)

    def _write_row(self, rates: dict[str, float]) -> None:
        self._meter.add_seconds(self._clock.collect(wait=True))
        if self._course.log:
            row = self._meter.row(self.progress.step, self._course.stage, rates)
            weights = self._course.weights.row() if self._course.weights else {}
            self._course.log.write(row | weights | {"memory": memory_in_use()})
        self._meter = Meter()

    def _validate_if_due(self) -> bool:
        """Validate, and remember what was best; returns whether anything is held out to validate on."""
        course, step = self._course, self.progress.step
        if not is_due(step, course.settings.evaluate_every, course.last_step):
            return False
        began = time.monotonic()
        with course.display.pause("validation"):
            figures = course.validate()
        if not figures:
            return False
        if course.log:
            loss = figures["loss"] if math.isfinite(figures["loss"]) else None  # JSON has no word for the others
            seconds = {"validation": round(time.monotonic() - began, 4)}
            course.log.write({"step": step, "validation": {**figures, "loss": loss}, "seconds": seconds})
            course.display.validated(figures)
        self.progress = replace(self.progress, best=self.progress.best.after(step, figures["loss"]))
        best = self.progress.best
        if stopped_early(self.progress, course.settings):
            what = f"stage {course.stage}" if course.stage else "training"
            say(f"{best.since} validations in a row did not improve on step {best.step}: {what} ends here")
        return True

    def _save_if_due(self, in_any_case: bool) -> None:
        """The checkpoint comes last, so that it covers what was logged."""
        course, step = self._course, self.progress.step
        if not in_any_case and not is_due(step, course.settings.checkpoint_every, course.last_step):
            return
        if course.log:
            course.log.sync()
        self._meter.add_seconds(self._clock.collect(wait=True))
        self.progress = replace(self.progress, meter=self._meter.sums())
        self._clock.start()
        with course.display.pause("checkpoint"):
            course.save(self.progress)
        self._saved_step = self.progress.step
        self._clock.lap("checkpoint")


def _sequences_to_read(course: Course, first_step: int) -> Iterator[PackedExamples]:
    rank, world_size = distributed.rank(), course.engine.processes.count
    for planned in course.steps[first_step - course.first_step :]:
        yield from planned.sequences_of(rank, world_size)
