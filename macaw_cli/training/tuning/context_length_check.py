"""Whether the LLM has positions for the longest conversation, known before anything large is read."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from macaw_cli.basics import distributed
from macaw_cli.basics.console import say


def require_readable_lengths(
    llm_config: Any, lengths: Sequence[int] | np.ndarray, what: str = "conversation"
) -> None:
    """Refuse conversations that are longer than the LLM's table of positions; warn of those it was not trained for.

    Args:
        llm_config: the LLM's configuration.
        lengths: tokens of each conversation.
        what: what messages call one of them.

    Raises:
        InputError: with both numbers and the way out.
    """
    from macaw_cli.model.positions import require_positions, stated_positions

    longest, stated = int(max(lengths)), stated_positions(llm_config)
    hint = f"Use --set training.max_length={stated}, or an LLM with more positions."
    if not require_positions(llm_config, longest, f"The longest {what}", hint) and distributed.world_size() == 1:
        say(
            f"Warning: the longest {what} has {longest:,} tokens, but the LLM was trained on up to {stated:,}: "
            f"it may handle later tokens badly. --set training.max_length={stated} truncates longer ones."
        )
