"""Decisions that depend on the step alone: how many steps, the learning rate, what is due. No torch."""

import math
from fractions import Fraction

from macaw_cli.config.training_settings import Schedule, TrainingSettings


def learning_rates(step: int, training: TrainingSettings, total_steps: int) -> dict[str, float]:
    """Learning rate of each trained group in one optimizer step.

    Args:
        step: number of the step in its stage, from 0.
        training: the stage's settings; what a group leaves open is the stage's own value.
        total_steps: steps of the stage.
    """
    rates: dict[str, float] = {}
    for group in training.train:
        own = getattr(training.groups, group)
        rates[group] = learning_rate(
            step,
            peak=training.peak_learning_rate(group),
            total_steps=total_steps,
            warmup_ratio=training.warmup_ratio if own.warmup_ratio is None else own.warmup_ratio,
            schedule=own.schedule or training.schedule,
        )
    return rates


def learning_rate(
    step: int, *, peak: float, total_steps: int, warmup_ratio: float, schedule: Schedule = "cosine"
) -> float:
    """Learning rate of one optimizer step: a linear rise, then half a cosine, a line, or nothing towards zero.

    Args:
        step: number of the step, from 0; the first already learns.
        peak: highest learning rate.
        total_steps: steps of the whole run.
        warmup_ratio: share of the steps in which the rate rises, in [0, 1).
        schedule: what follows the rise.
    """
    warmup = math.ceil(total_steps * _exact(warmup_ratio))
    if step < warmup:
        return peak * (step + 1) / warmup
    done = min((step - warmup) / max(total_steps - warmup, 1), 1.0)
    if schedule == "constant":
        return peak
    if schedule == "linear":
        return peak * (1 - done)
    return peak * 0.5 * (1 + math.cos(math.pi * done))


def steps_in_run(steps_of_epochs: list[int], epochs: float, max_steps: int | None) -> int:
    """Optimizer steps of a run.

    Args:
        steps_of_epochs: planned steps of epoch 0, 1, ..., at least `ceil(epochs)` of them.
        epochs: passes over the data, fractions allowed; a fraction takes that share of the last epoch's steps.
        max_steps: upper limit, None for none.
    """
    whole = int(epochs)
    steps = sum(steps_of_epochs[:whole])
    if epochs > whole:
        steps += math.ceil((_exact(epochs) - whole) * steps_of_epochs[whole])
    return min(steps, max_steps) if max_steps is not None else steps


def _exact(number: float) -> Fraction:
    """The decimal number that somebody typed: as a float, 0.07 of 100 steps is a little more than 7."""
    return Fraction(str(number))


def is_due(step: int, every: int | None, last_step: int) -> bool:
    """True after `step` steps when something that happens `every` so many steps, and at the end, is due.

    Args:
        step: steps done so far, from 1.
        every: interval in steps; None means only at the end.
        last_step: steps of the whole run.
    """
    return step == last_step or (every is not None and step % every == 0)
