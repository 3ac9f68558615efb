"""Whether the LLM may be trained with several conversations in a pack, known before anything large is read."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from macaw_cli.basics import distributed
from macaw_cli.basics.console import say
from macaw_cli.config.stages import stage_settings
from macaw_cli.config.training_settings import TrainingSettings


def require_packable_llm(llm_config: Any, lengths: Sequence[int] | np.ndarray, training: TrainingSettings) -> None:
    """Refuse an LLM that mixes the conversations of a pack, where any pack can hold two.

    Args:
        llm_config: the LLM's configuration.
        lengths: tokens of each conversation.
        training: with all stages.

    Raises:
        UsageError: with the way out.
    """
    if not can_hold_two(lengths, max(stage.sequence_length for _, stage in stage_settings(training))):
        return
    from macaw_cli.model.isolation import isolation_of_config, require_packable

    found = isolation_of_config(llm_config)
    require_packable(llm_config, int(max(lengths)), found)
    if not found.known and distributed.world_size() == 1:
        say(
            f"Whether {llm_config.model_type} keeps the conversations of a pack apart could not be tried: "
            "no small copy of it runs. With --set training.sequence_length=16 each is alone."
        )


def can_hold_two(lengths: Sequence[int] | np.ndarray, sequence_length: int) -> bool:
    """Whether the two shortest conversations fit into one pack."""
    return len(lengths) > 1 and int(np.partition(lengths, 1)[:2].sum()) <= sequence_length
