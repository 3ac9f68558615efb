"""What one sees of a training: a live line in a terminal, a plain line now and then in a pipe; both on stderr."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from macaw_cli.basics import distributed
from macaw_cli.basics.console import PLAIN_EVERY_S, say
from macaw_cli.basics.disk import human_bytes


@dataclass
class StepReport:
    """One finished optimizer step, as far as it is shown."""

    step: int
    loss: float
    learning_rate: float
    examples: int
    tokens: int


class TrainingDisplay:
    """Keeps rates over the steps of this process, and shows them.

    Args:
        total_steps: steps of the whole run.
        first_step: steps done before this process began.
    """

    def __init__(self, total_steps: int, first_step: int = 0) -> None:
        self._total, self._first = total_steps, first_step
        self._examples = self._tokens = 0
        self._loss: float | None = None
        self._started = self._shown = time.monotonic()
        self._paused = 0.0

    def update(self, report: StepReport) -> None:
        """Show one more step."""
        self._examples += report.examples
        self._tokens += report.tokens
        # a running mean, as the loss of single steps jumps about
        self._loss = report.loss if self._loss is None else 0.9 * self._loss + 0.1 * report.loss
        self._show(report.step, self.line(report))

    @contextmanager
    def pause(self, what: str) -> Iterator[None]:
        """Do something else than training (a validation, a checkpoint) without spoiling the rates."""
        before = time.monotonic()
        yield
        self._paused += time.monotonic() - before

    def line(self, report: StepReport) -> str:
        """Loss, learning rate, rates and memory; the time left is shown beside it."""
        seconds = max(time.monotonic() - self._started - self._paused, 1e-9)
        return (
            f"loss {self._loss:.3f}  lr {report.learning_rate:.2e}  {self._examples / seconds:.0f} examples/s  "
            f"{self._tokens / seconds:.0f} tokens/s  {human_bytes(memory_in_use())}"
        )

    def _seconds_left(self, step: int) -> float:
        spent = time.monotonic() - self._started
        return spent / max(step - self._first, 1) * (self._total - step)

    def _show(self, step: int, line: str) -> None:
        now = time.monotonic()
        if now - self._shown >= PLAIN_EVERY_S or step in (self._first + 1, self._total):
            self._shown = now
            say(f"step {step}/{self._total}  {line}  {self._seconds_left(step):.0f} s left")


class _LiveDisplay(TrainingDisplay):
    """The same in a terminal, as a bar that stays in its place."""

    def __init__(self, total_steps: int, first_step: int, bar: Any, task: Any) -> None:
        super().__init__(total_steps, first_step)
        self._bar, self._task = bar, task

    def _show(self, step: int, line: str) -> None:
        self._bar.update(self._task, completed=step, line=line, left=f"{self._seconds_left(step):.0f} s left")

    @contextmanager
    def pause(self, what: str) -> Iterator[None]:
        self._bar.stop()  # whatever is shown meanwhile has the terminal to itself
        try:
            with super().pause(what):
                yield
        finally:
            self._bar.start()


@contextmanager
def training_display(total_steps: int, first_step: int) -> Iterator[TrainingDisplay]:
    """The display that fits where stderr goes."""
    if not (distributed.is_main() and sys.stderr.isatty()):
        yield TrainingDisplay(total_steps, first_step)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("Training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[line]}"),
               TextColumn("{task.fields[left]}"))  # fmt: skip
    with Progress(*columns, console=Console(file=sys.stderr), refresh_per_second=4) as bar:
        task = bar.add_task("", total=total_steps, completed=first_step, line="", left="")
        yield _LiveDisplay(total_steps, first_step, bar, task)


def memory_in_use() -> int:
    """Peak bytes of this process: of the GPU where it has one, else resident memory."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def validation_line(validation: dict[str, Any]) -> str:
    """`loss 0.31, image 0.98 (reliance 0.71), ...` of one validation."""
    modalities = [
        f"{name} {figures['real']:.2f} (reliance {figures['reliance']:+.2f})"
        for name, figures in validation.get("modalities", {}).items()
        if figures.get("real") is not None and figures.get("reliance") is not None
    ]
    return ", ".join([f"loss {validation['loss']:.3f}", *modalities])
