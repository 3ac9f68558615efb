"""Consecutive feature tokens side by side: k tokens of C channels become one row of kC.

Letters: N feature tokens, F frames, C channels, k stride.
"""

from collections.abc import Sequence
from math import ceil, prod

import torch.nn.functional as F
from torch import Tensor


def stacked(features: Tensor, stride: int, *, drop: bool = False) -> Tensor:
    """(N, C) or (F, N, C) -> (rows, kC).

    A video's frames of at least k tokens are stacked one by one, so that no row holds tokens of two frames and a
    channel always means the same places of a frame. Smaller frames, such as one vector each, stand one after the other
    and are stacked over time.

    Args:
        features: of one medium.
        stride: k.
        drop: leave out the last tokens where they do not fill a row, instead of filling the row with zeros. What is
            shorter than one row is filled all the same.
    """
    sequences, tokens = _sequences(features.shape, stride)
    rows, channels = _rows(tokens, stride, drop), features.shape[-1]
    tokens_used = features.reshape(sequences, tokens, channels)[:, : rows * stride]
    filled = F.pad(tokens_used, (0, 0, 0, rows * stride - tokens_used.shape[1]))
    return filled.reshape(-1, stride * channels)


def stacked_count(shape: Sequence[int], stride: int, *, drop: bool = False) -> int:
    """How many rows `stacked` makes of features of this shape."""
    sequences, tokens = _sequences(shape, stride)
    return sequences * _rows(tokens, stride, drop)


def _sequences(shape: Sequence[int], stride: int) -> tuple[int, int]:
    """How many sequences are stacked, each on its own, and the tokens of one: frames, or all tokens at once."""
    by_frame = len(shape) > 2 and shape[-2] >= stride
    return (prod(shape[:-2]), shape[-2]) if by_frame else (1, prod(shape[:-1]))


def _rows(tokens: int, stride: int, drop: bool) -> int:
    return max(1, tokens // stride) if drop else ceil(tokens / stride)
