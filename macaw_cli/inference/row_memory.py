"""How many answers there is memory for: each takes keys and values of its prompt and of all it may become."""

from collections.abc import Iterable
from typing import Any

import torch

from macaw_cli.basics.memory import free_machine_bytes
from macaw_cli.inference.growing_answer import GrowingAnswer


def bytes_of_position(llm: Any) -> int:
    """Keys and values that one position of one row takes, in bytes.

    Args:
        llm: a causal LLM of transformers.
    """
    config = llm.config.get_text_config()
    heads = config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    shared = getattr(config, "num_key_value_heads", None) or heads
    return int(2 * config.num_hidden_layers * shared * size * llm.dtype.itemsize)


def free_bytes(device: torch.device) -> int:
    """Memory of a device that nothing uses."""
    if device.type == "cuda":
        free: int = torch.cuda.mem_get_info(device)[0]
        return free
    return free_machine_bytes()


def longest(answer: GrowingAnswer) -> int:
    """Positions that a row may reach."""
    return len(answer.request.prompt) + answer.longest


def have_room(answers: Iterable[GrowingAnswer], positions: int | None) -> bool:
    """Whether rows of these answers fit into so many positions, all padded to the longest; one alone always does.

    Args:
        answers: that would grow at the same time.
        positions: of all rows together; None is any number.
    """
    lengths = [longest(answer) for answer in answers]
    return positions is None or len(lengths) < 2 or len(lengths) * max(lengths) <= positions
