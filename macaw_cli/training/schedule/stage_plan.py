"""Every optimizer step of one stage: its datasets mixed, its epochs planned one behind the other."""

from dataclasses import replace

import numpy as np

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.config.weighted_folders import split_weight
from macaw_cli.training.data.epoch_plan import PlannedStep, plan_epoch
from macaw_cli.training.data.mixture import Ingredient, epoch_of_mixture
from macaw_cli.training.schedule.learning_rates import steps_in_run
from macaw_cli.training.training_inputs import TrainingInputs


def plan_stage(inputs: TrainingInputs, training: TrainingSettings, seed: int) -> list[PlannedStep]:
    """Every optimizer step of one stage, all epochs behind each other, cut at `epochs` and `max_steps`.

    Args:
        inputs: the tokenised conversations.
        training: the stage's settings.
        seed: decides the order of the conversations.

    Raises:
        UsageError: a dataset named twice, or weights so small that nothing is left to train on.
    """
    mixture = mixture_of(inputs, training)
    lengths, supervised = inputs.tokens.lengths, inputs.tokens.supervised_counts
    steps: list[PlannedStep] = []
    steps_of_epochs: list[int] = []
    while len(steps_of_epochs) < training.epochs and len(steps) < (training.max_steps or len(steps) + 1):
        epoch = len(steps_of_epochs)
        taken = epoch_of_mixture(mixture, seed, epoch)
        planned = plan_epoch(
            lengths[taken].tolist(),
            supervised[taken].tolist(),
            seed=seed,
            epoch=epoch,
            token_budget=training.sequence_length,
            global_batch_size=training.global_batch_size,
        )
        steps_of_epochs.append(len(planned))
        steps += _numbered(planned, taken)
    if not steps:
        raise UsageError(
            f"The weights {', '.join(training.datasets)} leave no conversations to train on.", "Raise a weight."
        )
    if len(steps_of_epochs) < training.epochs:
        return steps[: training.max_steps]
    return steps[: steps_in_run(steps_of_epochs, training.epochs, training.max_steps)]


def mixture_of(inputs: TrainingInputs, training: TrainingSettings) -> list[Ingredient]:
    """The datasets of one stage with their weights.

    Raises:
        UsageError: one is named twice.
    """
    mixture: list[Ingredient] = []
    for text in training.datasets or ("",):
        name, weight = split_weight(text) if text else ("", 1.0)
        numbers = inputs.ranges[name]
        if any(part.first == numbers.start for part in mixture):
            raise UsageError(
                f"The dataset {name} is named twice in {', '.join(training.datasets)}.",
                f"Name it once with a weight: {name}:2 uses each conversation twice per epoch.",
            )
        mixture.append(Ingredient(numbers.start, len(numbers), weight))
    return mixture


def _numbered(steps: list[PlannedStep], taken: np.ndarray) -> list[PlannedStep]:
    """Steps that were planned over the places in `taken`, with the conversations' own numbers instead."""
    if np.array_equal(taken, np.arange(len(taken))):
        return steps
    numbers = taken.tolist()
    return [
        replace(step, sequences=tuple(tuple(numbers[place] for place in sequence) for sequence in step.sequences))
        for step in steps
    ]
