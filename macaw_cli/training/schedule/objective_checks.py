"""Whether the stages can learn what `training.objective` says, known before a model is made."""

from collections.abc import Sequence

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.stages import stage_settings
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.pretraining.bridge_pretraining import compared_modalities
from macaw_cli.training.schedule.stages import Stage
from macaw_cli.training.training_inputs import TrainingInputs


def require_possible_objectives(config: MacawConfig, training: TrainingSettings) -> None:
    """Refuse `media-text` where no bridge is a Q-Former, where one has words of its own, and in the last stage.

    Args:
        config: of the model.
        training: the run's settings.

    Raises:
        UsageError: with the dotted key of the stage.
    """
    stages = stage_settings(training)
    for number, (_, settings) in enumerate(stages):
        if settings.objective != "media-text":
            continue
        key = f"training.stages[{number}].objective" if training.stages else "training.objective"
        if not compared_modalities(config):
            designs = ", ".join(dict.fromkeys(config.bridge_settings(name).name for name in config.modalities))
            raise UsageError(
                f"{key}=media-text trains q-former bridges, but none is in this configuration. It has {designs}.",
                "Use --bridge q-former, or set the objective to answers.",
            )
        if own := [name for name in compared_modalities(config) if name in config.instruction_tokenizers]:
            raise UsageError(
                f"{key}=media-text compares media with words of the LLM's tokenizer, but the bridge of {own[0]} reads "
                "words of its own.",
                "Set the objective to answers, or train a new model: leave out training.start_from.",
            )
        if number == len(stages) - 1:
            raise UsageError(
                f"{key}=media-text cannot be that of the last stage: it does not train the layer between the bridge "
                "and the LLM.",
                "Add a stage with the objective answers to training.stages.",
            )


def require_possible_plan(inputs: TrainingInputs, stages: Sequence[Stage]) -> None:
    """Refuse a stage without pairs, and a training that ends before the objective `answers` is reached.

    Args:
        inputs: what the training reads.
        stages: every step.

    Raises:
        UsageError: with what to change.
    """
    modalities = compared_modalities(inputs.config)
    for stage in stages:
        if stage.settings.objective == "media-text" and not _has_pairs(inputs, stage, modalities):
            raise UsageError(
                f"Stage {stage.name} compares media with texts, but no packed sequence has two conversations with one "
                f"{' or '.join(modalities)} each.",
                "Name other datasets, or raise training.sequence_length.",
            )
    if stages[-1].settings.objective == "media-text":
        raise UsageError(
            f"The training ends in stage {stages[-1].name}, which does not train the layer between the bridge and the "
            "LLM.",
            "Raise training.max_steps, so that a stage with the objective answers is reached.",
        )


def _has_pairs(inputs: TrainingInputs, stage: Stage, modalities: Sequence[str]) -> bool:
    """Whether any packed sequence has two conversations with one medium of a modality."""
    for step in stage.steps:
        for sequence in step.sequences:
            found = [ref.modality for example in sequence for ref in inputs.rows[example].media]
            if any(found.count(name) > 1 for name in modalities):
                return True
    return False
