"""Attention from positions of the text to soft tokens, of which each position may see some.

Letters: B rows, T positions, S soft tokens of all media, H heads of the queries, G of the keys and values (a divisor of
H), d depth.
"""

import torch.nn.functional as F
from torch import Tensor

from macaw_cli.model.injections.sight import Sight


def attend(
    query: Tensor, key: Tensor, value: Tensor, sight: Sight | None, *, scale: float | None = None
) -> Tensor:  # fmt: skip
    """What each position finds in the soft tokens that it sees, and zeros where it sees none: (B, T, H, d).

    The rows share the soft tokens, so they are attended to as one row; this is independent of the LLM's own kernel.

    Args:
        query: (B, T, H, d).
        key: (S, G, d).
        value: (S, G, d).
        sight: which soft tokens positions see; None where all see all.
        scale: factor of the scores; None for d^-0.5.
    """
    rows, length, heads, _ = query.shape
    mask = None if sight is None else sight.mask(query.dtype)
    mixed = F.scaled_dot_product_attention(
        query.reshape(1, rows * length, heads, -1).transpose(1, 2), key.transpose(0, 1)[None],
        value.transpose(0, 1)[None], attn_mask=mask, scale=scale, enable_gqa=heads != key.shape[1],
    )  # fmt: skip
    mixed = mixed.transpose(1, 2).reshape(rows, length, heads, -1)
    return mixed if sight is None else mixed * sight.sees_any[:, :, None, None]
