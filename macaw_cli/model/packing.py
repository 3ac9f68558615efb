"""Examples packed behind one another in a row: the mask that keeps them apart.

transformers finds packed rows by itself where an LLM's code hands its `position_ids` to the mask; not every LLM's does
(OPT's does not), and then examples would see each other without a word. So the mask is made here. LLMs with a sliding
window need a mask per kind of layer and are recent enough to do it themselves, as do the flash and flex kernels.
"""

from typing import Any

import torch
from torch import Tensor

KERNELS_WITH_MASK = ("sdpa", "eager")


def isolating_mask(position_ids: Tensor, llm_config: Any) -> Tensor | None:
    """The attention mask of packed rows; None where there is one example per row, or the LLM makes its own.

    Args:
        position_ids: (B, T), starting again with every example.
        llm_config: configuration of the LLM.

    Returns:
        (B, 1, T, T), true where a query may see a key.
    """
    kernel = llm_config._attn_implementation
    if kernel not in KERNELS_WITH_MASK or getattr(llm_config, "sliding_window", None) is not None:
        return None
    starts = position_ids[:, 1:] != position_ids[:, :-1] + 1
    if not starts.any():
        return None
    example = torch.nn.functional.pad(starts.cumsum(dim=1), (1, 0))
    same = example[:, :, None] == example[:, None, :]
    return same.tril()[:, None]


def mask_for_kernel(mask: Tensor | None, llm_config: Any, dtype: torch.dtype) -> Tensor | None:
    """A mask of (B, 1, T, T) booleans as the LLM's kernel takes it: eager attention adds it to the scores.

    Args:
        mask: what `forward` has; any other kind stays as it is, as transformers makes the rest of it.
        llm_config: configuration of the LLM.
        dtype: number format of the hidden states.
    """
    if mask is None or mask.ndim != 4 or mask.dtype != torch.bool or llm_config._attn_implementation != "eager":
        return mask
    return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, torch.finfo(dtype).min)
