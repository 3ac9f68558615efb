"""Settings of a training that have no effect on this model and these data, told before it begins."""

from collections.abc import Iterator

from macaw_cli.basics.console import say
from macaw_cli.config.injections.none import NoInjectionSettings
from macaw_cli.config.loss_weights.fixed import FixedLossWeights
from macaw_cli.config.stages import stage_settings
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.training.training_inputs import TrainingInputs
from macaw_cli.training.weighting.groups import group_name


def tell_unused(inputs: TrainingInputs, training: TrainingSettings) -> None:
    """Say what names something that is not there."""
    for line in unused_settings(inputs, training):
        say(f"Note: {line}")


def unused_settings(inputs: TrainingInputs, training: TrainingSettings) -> Iterator[str]:
    """A sentence for each such setting, of each stage that has it.

    Args:
        inputs: what the training reads.
        training: the run's settings.
    """
    present: set[str] | None = None
    for stage, own in stage_settings(training):
        where = f" of the stage {stage}" if stage else ""
        named = own.train != TrainingSettings().train and "injection" in own.train  # the default names all groups
        if named and isinstance(inputs.config.injection_settings, NoInjectionSettings):
            yield (f"training.train{where} names injection, but the model has none: choose one with "
                   "--set injection=NAME, or leave it out of training.train.")  # fmt: skip
        if isinstance(own.loss_weights, FixedLossWeights):
            if not own.loss_weights.weights:
                yield (f"training.loss_weights{where} is fixed without weights and weights nothing: give some, "
                       "such as --set training.loss_weights.weights.audio=2.")  # fmt: skip
                continue
            present = present or {group_name(row) for row in inputs.rows}
            for name in sorted(own.loss_weights.weights.keys() - present):
                yield (f"training.loss_weights.weights{where} names {name}, but the examples have "
                       f"{', '.join(sorted(present))}.")  # fmt: skip
