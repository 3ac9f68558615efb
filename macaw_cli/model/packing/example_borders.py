"""Where packed examples begin and end, told by their positions."""

import torch
from torch import Tensor


def example_borders(position_ids: Tensor) -> Tensor | None:
    """Where examples begin and the last one ends, counted over all rows behind one another.

    Args:
        position_ids: (B, T), starting again with every example.

    Returns:
        (examples + 1,) int32 on the CPU, from 0 to B T; None where there is one example per row.
    """
    starts = torch.ones_like(position_ids, dtype=torch.bool)
    starts[:, 1:] = position_ids[:, 1:] != position_ids[:, :-1] + 1
    places = starts.flatten().nonzero().squeeze(-1).cpu()
    if len(places) == len(position_ids):
        return None
    return torch.cat([places, torch.tensor([starts.numel()])]).int()
