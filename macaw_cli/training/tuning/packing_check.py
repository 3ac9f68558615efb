"""Whether the LLM can be trained on packed sequences of several conversations, known before anything large is read."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from macaw_cli.basics import distributed
from macaw_cli.basics.console import say
from macaw_cli.config.stages import stage_settings
from macaw_cli.config.training_settings import TrainingSettings


def require_packable_llm(llm_config: Any, lengths: Sequence[int] | np.ndarray, training: TrainingSettings) -> None:
    """Refuse an LLM that mixes the conversations of a packed sequence, where any sequence can hold two.

    Args:
        llm_config: the LLM's configuration.
        lengths: tokens of each conversation.
        training: with all stages.

    Raises:
        UsageError: with the way out.
    """
    if not can_hold_two(lengths, max(stage.sequence_length for _, stage in stage_settings(training))):
        return
    from macaw_cli.model.packing.packing_support import packing_support_of_config, require_packable

    found = packing_support_of_config(llm_config)
    require_packable(llm_config, int(max(lengths)), found)
    if not found.known and distributed.world_size() == 1:
        say(
            f"{llm_config.model_type} could not be tested for cross-contamination between packed conversations: "
            "no small copy of it runs. --set training.sequence_length=16 avoids packing."
        )


def can_hold_two(lengths: Sequence[int] | np.ndarray, sequence_length: int) -> bool:
    """Whether the two shortest conversations fit into one packed sequence."""
    return len(lengths) > 1 and int(np.partition(lengths, 1)[:2].sum()) <= sequence_length
