"""What one sees of a training: three live lines in a terminal, a plain one now and then in a pipe; both on stderr."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from macaw_cli.basics import distributed
from macaw_cli.basics.console import PLAIN_EVERY_S, LiveLines, say
from macaw_cli.basics.figure_kinds import modality_of
from macaw_cli.reports.sparkline import levels_for
from macaw_cli.training.reporting.facts import StepReport, TrainingFacts
from macaw_cli.training.reporting.mfu import WorkCounter
from macaw_cli.training.reporting.status_lines import GAP, plain_line, status_fields


class TrainingDisplay:
    """Collects facts over the steps of this process, and says them now and then.

    Args:
        facts: where they are collected.
    """

    def __init__(self, facts: TrainingFacts) -> None:
        self.facts = facts
        self._said_at = time.monotonic()

    def update(self, report: StepReport) -> None:
        """Show one more step."""
        self.facts.add(report)
        now = time.monotonic()
        if now - self._said_at >= PLAIN_EVERY_S or report.step in (self.facts.first + 1, self.facts.total):
            self._said_at = now
            self._say()

    def begin_stage(self, name: str, count_work: WorkCounter | None = None) -> None:
        """Another stage of the recipe; what trains decides how much work a token is.

        Args:
            name: as the settings call it; empty without a recipe.
            count_work: for the share of padding and of what the devices can do.
        """
        self.facts.stage, self.facts.count_work = name, count_work

    def validated(self, figures: dict[str, Any]) -> None:
        """Tell what a validation came to, in a line that stays."""
        self.facts.validated(figures)
        say(f"step {self.facts.step}/{self.facts.total}  validation: {validation_line(figures)}")
        for line in kind_lines(figures):
            say(f"  {line}")

    @contextmanager
    def pause(self, what: str) -> Iterator[None]:
        """Do something else than training (a validation, a checkpoint) without spoiling the rates."""
        with self.facts.pause(what):
            yield

    def _say(self) -> None:
        say(plain_line(self.facts, memory_in_use()))


class _LiveDisplay(TrainingDisplay):
    """The display in a terminal: lines that stay in place below whatever is printed."""

    def __init__(self, facts: TrainingFacts) -> None:
        super().__init__(facts)
        self._levels = levels_for(sys.stderr)
        self._live = LiveLines(self._lines, GAP)
        self._live.start()

    def end(self) -> None:
        """Leave the last state on the screen."""
        self.facts.ended = True
        self._live.stop(leave=True)

    @contextmanager
    def pause(self, what: str) -> Iterator[None]:
        if what == "checkpoint":  # says nothing, and comes often
            with super().pause(what):
                yield
            return
        self._live.stop()  # whatever is shown meanwhile has the terminal to itself
        try:
            with super().pause(what):
                yield
        finally:
            self._live.start()

    def _say(self) -> None:
        """The lines are drawn by a thread of their own."""

    def _lines(self, width: int) -> list[list[tuple[str, str]]]:
        fields = status_fields(self.facts, memory_in_use(), width, self._levels)
        return [[(field.text, field.style) for field in line] for line in fields]


@contextmanager
def training_display(
    total_steps: int, first_step: int, *, peak_flops: float | None = None
) -> Iterator[TrainingDisplay]:
    """The display that fits where stderr goes.

    Args:
        total_steps: steps of the whole run.
        first_step: steps done before this process began.
        peak_flops: most operations per second of one device, where it is known.
    """
    facts = TrainingFacts(total_steps, first_step, peak_flops, distributed.world_size())
    if not (distributed.is_main() and sys.stderr.isatty()):
        yield TrainingDisplay(facts)
        return
    display = _LiveDisplay(facts)
    try:
        yield display
    finally:
        display.end()


def memory_in_use() -> int:
    """Peak bytes of this process: of the GPU where it uses one, else resident memory."""
    on_gpu = int(torch.cuda.max_memory_allocated()) if torch.cuda.is_available() else 0
    if on_gpu:
        return on_gpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def validation_line(validation: dict[str, Any]) -> str:
    """`loss 0.31, image 0.98 (reliance +0.71, preference 0.99), ...` of one validation."""
    modalities = [measured_words(name, figures) for name, figures in validation.get("modalities", {}).items()]
    return ", ".join([f"loss {validation['loss']:.3f}", *(words for words in modalities if words)])


def kind_lines(validation: dict[str, Any]) -> list[str]:
    """The validation by kind, one line per modality; none where a modality has only one kind."""
    lines: dict[str, list[str]] = {}
    for kind, figures in validation.get("kinds", {}).items():
        lines.setdefault(modality_of(kind, figures), []).append(measured_words(kind, figures))
    several = ([words for words in line if words] for line in lines.values() if len(line) > 1)
    return [", ".join(line) for line in several if line]


def measured_words(name: str, figures: dict[str, Any]) -> str:
    """`image 0.98 (reliance +0.71, preference 0.99)`: what of it was measured; empty where nothing was."""
    real, reliance, preference = (figures.get(key) for key in ("real", "reliance", "preference"))
    inside = [f"reliance {reliance:+.2f}"] if real is not None and reliance is not None else []
    inside += [f"preference {preference:.2f}"] if preference is not None else []
    if not inside:
        return ""
    return f"{name} {real:.2f} ({', '.join(inside)})" if real is not None else f"{name} {inside[0]}"
