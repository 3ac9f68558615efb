"""How many positions an LLM can read: some have a learned vector for each, and fail behind the last one."""

from typing import Any

import torch

from macaw_cli.basics.errors import InputError
from macaw_cli.encoders.pretrained import causal_lm_of

NAMES = ("pos", "wpe")
OFFSET = 8
"""Rows more than positions that a table may have: OPT's has two."""


def stated_positions(llm_config: Any) -> int | None:
    """The number of positions that the configuration names, if any."""
    found = getattr(llm_config.get_text_config(), "max_position_embeddings", None)
    return found if isinstance(found, int) and found > 0 else None


def position_table(llm_config: Any) -> int | None:
    """The number of positions that a table of the LLM's holds, behind which it cannot read; None without a table.

    Rotary and relative positions have no end; the structure of the LLM is looked at, not a list of names.
    """
    if stated_positions(llm_config) is None:
        return None
    try:
        with torch.device("meta"):
            llm = causal_lm_of(llm_config.get_text_config())
    except InputError:  # it comes as code, which whoever loads the LLM tells
        return None
    except (AttributeError, ImportError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError):
        return None
    return position_table_of(llm)


def position_table_of(llm: torch.nn.Module) -> int | None:
    """`position_table` of a loaded LLM."""
    stated = stated_positions(llm.config)
    if stated is None:
        return None
    for name, tensor in (*llm.named_parameters(), *llm.named_buffers()):
        of_positions = any(part in name.lower() for part in NAMES)
        if of_positions and tensor.dim() > 1 and stated <= max(tensor.shape[:-1]) <= stated + OFFSET:
            return stated
    return None


def require_positions(llm_config: Any, longest: int, what: str, hint: str) -> bool:
    """Refuse what is longer than the LLM's table of positions.

    Args:
        llm_config: of the LLM.
        longest: tokens.
        what: names it in the message, such as "The longest conversation".
        hint: what to do.

    Returns:
        Whether `longest` is within what the LLM was trained for; without a table it may be longer.

    Raises:
        InputError: with both numbers.
    """
    stated = stated_positions(llm_config)
    if stated is None or longest <= stated:
        return True
    if position_table(llm_config) is not None:
        raise InputError(f"{what} has {longest:,} tokens, but the LLM has only {stated:,} position embeddings.", hint)
    return False
