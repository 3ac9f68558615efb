"""Every optimizer step of one stage: its datasets mixed, its epochs planned one behind the other."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.stages import template_of
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.config.weighted_folders import split_weight
from macaw_cli.training.data.epoch_plan import PlannedStep, plan_epoch
from macaw_cli.training.data.mixture import Ingredient, epoch_of_mixture
from macaw_cli.training.data.swapped_tokens import Swap, SwappedTokens
from macaw_cli.training.data.swapping import Swapper
from macaw_cli.training.data.tokenised import Tokens
from macaw_cli.training.schedule.learning_rates import steps_in_run
from macaw_cli.training.training_inputs import TrainingInputs


def plan_stage(
    inputs: TrainingInputs, training: TrainingSettings, seed: int, swaps: list[Swap] | None = None
) -> list[PlannedStep]:
    """Every optimizer step of one stage, all epochs behind each other, cut at `epochs` and `max_steps`.

    Args:
        inputs: the tokenised conversations.
        training: the stage's settings.
        seed: decides the order of the conversations.
        swaps: the swapped examples of earlier stages; those of this one are added. They are numbered behind the
            conversations, in this order.

    Raises:
        UsageError: a dataset named twice, or weights so small that nothing is left to train on.
    """
    mixture = mixture_of(inputs, training)
    swaps = [] if swaps is None else swaps
    swapper = swapper_of(inputs, training, mixture)
    steps: list[PlannedStep] = []
    steps_of_epochs: list[int] = []
    while len(steps_of_epochs) < training.epochs and len(steps) < (training.max_steps or len(steps) + 1):
        epoch = len(steps_of_epochs)
        taken = epoch_of_mixture(mixture, seed, epoch)
        if swapper is not None:
            found = swapper.swaps(taken, training.swap_negatives, seed, epoch)
            taken = _with_swaps(taken, found, swaps, len(inputs.tokens))
        tokens: Tokens = SwappedTokens(inputs.tokens, swaps) if swaps else inputs.tokens
        more = np.concatenate([inputs.more, [swap.more for swap in swaps]]).astype(np.int64)
        planned = plan_epoch(
            (tokens.lengths + more)[taken].tolist(),
            tokens.supervised_counts[taken].tolist(),
            seed=seed,
            epoch=epoch,
            token_budget=training.sequence_length,
            global_batch_size=training.global_batch_size,
        )
        steps_of_epochs.append(len(planned))
        steps += _without(more, _numbered(planned, taken, len(inputs.tokens)))
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
        numbers = inputs.ranges[name, template_of(training)]
        if any(part.first == numbers.start for part in mixture):
            raise UsageError(
                f"The dataset {name} is named twice in {', '.join(training.datasets)}.",
                f"Name it once with a weight: {name}:2 uses each conversation twice per epoch.",
            )
        mixture.append(Ingredient(numbers.start, len(numbers), weight))
    return mixture


def swapper_of(inputs: TrainingInputs, training: TrainingSettings, mixture: Sequence[Ingredient]) -> Swapper | None:
    """What draws the swapped examples of a stage; None where it has none."""
    if not training.swap_negatives:
        return None
    pool = [number for part in mixture for number in range(part.first, part.first + part.count)]
    encoder, least = inputs.encoders[template_of(training)], training.planned_soft_tokens
    return Swapper(inputs.rows, inputs.tokens, pool, encoder, training.swap_answers, least)


def _with_swaps(taken: np.ndarray, found: Sequence[Swap | None], swaps: list[Swap], first: int) -> np.ndarray:
    """The examples of an epoch with the numbers of the swapped ones, which are added to `swaps`.

    Args:
        taken: (n,) examples.
        found: for each of them its swapped form, or None.
        swaps: those that have numbers.
        first: number of the first swapped example.
    """
    numbers = taken.copy()
    for place, swap in enumerate(found):
        if swap is not None:
            numbers[place] = first + len(swaps)
            swaps.append(swap)
    return numbers


def _numbered(steps: list[PlannedStep], taken: np.ndarray, conversations: int) -> list[PlannedStep]:
    """Steps that were planned over the places in `taken`, with the examples' own numbers instead."""
    if np.array_equal(taken, np.arange(len(taken))) and len(taken) <= conversations:
        return steps
    numbers = taken.tolist()
    renumbered = []
    for step in steps:
        sequences = tuple(tuple(numbers[place] for place in sequence) for sequence in step.sequences)
        swapped = sum(number >= conversations for sequence in sequences for number in sequence)
        renumbered.append(replace(step, sequences=sequences, swapped=swapped))
    return renumbered


def _without(more: np.ndarray, steps: list[PlannedStep]) -> list[PlannedStep]:
    """The steps with the tokens that their examples really have.

    Args:
        more: (examples,) by how many tokens each counted as longer.
        steps: as planned.
    """
    if not more.any():
        return steps
    return [
        replace(step, tokens=step.tokens - sum(int(more[number]) for sequence in step.sequences for number in sequence))
        for step in steps
    ]
