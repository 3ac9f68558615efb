"""How much a training writes: its checkpoints and the model."""

from typing import Any

from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.training.tuning.model_setup import DTYPES
from macaw_cli.training.tuning.parameter_groups import counts_by_group


def checkpoint_bytes(model: Any, training: TrainingSettings) -> int:
    """Size of one checkpoint of all ranks.

    Args:
        model: without weights.
        training: of the stage that writes it.
    """
    value = DTYPES[training.precision].itemsize
    # what is frozen is read again from where it came from
    trained = sum(trained for trained, _ in counts_by_group(model, training).values())
    return trained * value + trained * (8 + (4 if value == 2 or training.zero_stage else 0))


def bytes_to_write(model: Any, training: TrainingSettings) -> int:
    """Room for the checkpoints that are kept, the one that is being written, and the model."""
    checkpoints = training.keep_checkpoints + (1 if training.keep_best else 0) + 1
    values = sum(trained + frozen for trained, frozen in counts_by_group(model, training).values())
    return checkpoint_bytes(model, training) * checkpoints + 4 * values
