"""Steps with a non-finite loss or gradient: reported and counted; after too many of them the run ends."""

import math
from collections import Counter
from dataclasses import replace

from macaw_cli.basics.console import say
from macaw_cli.basics.errors import InputError
from macaw_cli.training.data.epoch_plan import PlannedStep
from macaw_cli.training.data.reader import Reader
from macaw_cli.training.steps.progress import Progress
from macaw_cli.training.steps.step import StepResult

NAMES_SHOWN, SUSPECTS_SHOWN = 4, 8
LINES_SAID = 3
"""A rate that is too high spoils every step: one need not read of each."""


class SkippedSteps:
    """Counts the steps that change nothing, and remembers which conversations were in them.

    Args:
        reader: knows the conversations' names.
        allowed: so many may be skipped in the whole run.
    """

    def __init__(self, reader: Reader, allowed: int) -> None:
        self._reader, self._allowed = reader, allowed
        self._names: Counter[str] = Counter()

    def count(self, progress: Progress, result: StepResult, planned: PlannedStep, *, saved_step: int) -> Progress:
        """Tell and count one more; the first few are told in a line each.

        DeepSpeed's search for fp16's loss scale skips steps as well, which says nothing about the data: those do not
        count towards the end of the run.

        Args:
            progress: where the run stands, with this step done.
            result: the step's; its update was not applied.
            planned: the step.
            saved_step: of the newest checkpoint; 0 where there is none.

        Raises:
            InputError: one more than may be.
        """
        if result.update.lowers_scale and result.losses_are_numbers:
            return progress
        progress = replace(progress, skipped=progress.skipped + 1)
        names = _names(result, planned, self._reader)
        self._names.update(dict.fromkeys(names, 1))
        reason = _reason(result, names)
        if progress.skipped > self._allowed:
            raise self._too_many(progress, reason, saved_step)
        if progress.skipped <= LINES_SAID:
            say(f"step {progress.step} is skipped: {reason} ({progress.skipped} of at most {self._allowed})")
        elif progress.skipped == LINES_SAID + 1:
            say(f"step {progress.step} is skipped as well; from now on such steps are only counted")
        return progress

    def _too_many(self, progress: Progress, reason: str, saved_step: int) -> InputError:
        often = [name if times == 1 else f"{name} ({times} times)" for name, times in self._names.most_common()]
        together = progress.skipped > 1 and often
        suspects = f" Conversations in sequences without a loss: {_few(often, SUSPECTS_SHOWN)}." if together else ""
        resume = "There is no checkpoint to continue from."
        if saved_step:
            resume = (
                f"The checkpoint of step {saved_step} is kept: --resume with a higher training.max_skipped_steps "
                "continues "
                "there and skips those steps."
            )
        return InputError(
            f"Step {progress.step}: {reason}. {progress.skipped} steps were skipped for this, more than "
            f"training.max_skipped_steps = {self._allowed}.{suspects}",
            "If the same few conversations appear in all of them, their features are damaged: extract their media "
            "again "
            "and rebuild the dataset, or leave them out. Otherwise start a new run with a lower "
            "training.learning_rate, a "
            f"higher training.warmup_ratio or, instead of fp16, training.precision=bf16. {resume}",
        )


def _names(result: StepResult, planned: PlannedStep, reader: Reader) -> list[str]:
    """The conversations of the sequences with a non-finite loss."""
    bad = [number for number, loss in enumerate(result.losses) if not math.isfinite(loss)]
    return [name for number in bad for name in reader.names(planned.sequences[number])]


def _few(names: list[str], most: int) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _reason(result: StepResult, names: list[str]) -> str:
    """What was non-finite first: the loss of some sequences, or the gradient of some groups."""
    bad = [loss for loss in result.losses if not math.isfinite(loss)]
    if bad:
        groups = ", ".join(result.update.gradient_norms)
        return f"the loss was {bad[0]} for {_few(names, NAMES_SHOWN)}, so the gradients of {groups} were non-finite"
    norms = {group: norm for group, norm in result.update.gradient_norms.items() if not math.isfinite(norm)}
    told = " and ".join(f"{group} was {norm}" for group, norm in norms.items())
    return f"the gradient norm of {told}"
