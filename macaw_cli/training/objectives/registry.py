"""The objectives of `training.objective` by name."""

from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.training.objectives.answers import Answers
from macaw_cli.training.objectives.media_text import MediaText
from macaw_cli.training.objectives.objective import Objective
from macaw_cli.training.training_inputs import TrainingInputs

OBJECTIVES: dict[str, type[Objective]] = {"answers": Answers, "media-text": MediaText}


def new_objective(inputs: TrainingInputs, settings: TrainingSettings) -> Objective:
    """The objective of a stage.

    Args:
        inputs: what the training reads.
        settings: of the stage.
    """
    return OBJECTIVES[settings.objective](inputs, settings)
