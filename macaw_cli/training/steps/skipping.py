"""Steps whose loss or gradients are no numbers: told, counted, and after too many of them the run ends."""

import math
from dataclasses import replace

from macaw_cli.basics.console import say
from macaw_cli.basics.errors import InputError
from macaw_cli.training.checkpoints.progress import Progress
from macaw_cli.training.data.batches import PackReader
from macaw_cli.training.data.epoch_plan import PlannedStep
from macaw_cli.training.steps.step import StepResult

NAMES_SHOWN = 4


def count_skipped(
    progress: Progress, result: StepResult, planned: PlannedStep, reader: PackReader, *, allowed: int
) -> Progress:
    """Tell and count a step that changed nothing.

    DeepSpeed's search for fp16's loss scale skips steps as well, which says nothing about the data: those do not count
    towards the end of the run.

    Args:
        progress: where the run stands, with this step done.
        result: the step's; its update was not applied.
        planned: the step.
        reader: knows the conversations' names.
        allowed: so many may be skipped in the whole run.

    Raises:
        InputError: one more than `allowed`.
    """
    if result.update.lowers_scale and result.losses_are_numbers:
        return progress
    progress = replace(progress, skipped=progress.skipped + 1)
    reason = _reason(result, planned, reader)
    if progress.skipped > allowed:
        raise InputError(
            f"Step {progress.step}: {reason}. {progress.skipped} steps were skipped for this, more than "
            f"training.max_skipped_steps = {allowed}.",
            "If it is always the same conversations, extract their media again or leave them out; otherwise lower "
            "training.learning_rate, raise training.warmup_ratio or use training.precision=bf16. Earlier checkpoints "
            "are kept: --resume continues there.",
        )
    say(f"step {progress.step} is skipped: {reason} ({progress.skipped} of at most {allowed})")
    return progress


def _reason(result: StepResult, planned: PlannedStep, reader: PackReader) -> str:
    """What was no number first: the loss of some packs, or the gradient of some groups."""
    bad = [number for number, loss in enumerate(result.losses) if not math.isfinite(loss)]
    if bad:
        names = [name for number in bad for name in reader.names(planned.packs[number])]
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        among = f"among {', '.join(names[:NAMES_SHOWN])}{more}"
        groups = ", ".join(result.update.gradient_norms)
        return f"the loss became {result.losses[bad[0]]} {among}, and with it the gradient of {groups}"
    norms = {group: norm for group, norm in result.update.gradient_norms.items() if not math.isfinite(norm)}
    told = " and ".join(f"{group} became {norm}" for group, norm in norms.items())
    return f"the gradient norm of {told}"
