"""Overlapping patches of a series, and the normalisation of each series on its own.

Letters: B series of one length, T steps, C channels, n patches, P steps per patch, S steps from one patch to the next.
"""

import torch.nn.functional as F
from torch import Tensor

EPSILON = 1e-5
"""Added to the variance, as in RevIN."""


def patches(series: Tensor, length: int, stride: int, *, at_end: bool) -> Tensor:
    """Patches (B, n, C, P) of series (B, T, C).

    Args:
        series: of at least one step; shorter ones than a patch are followed by their last step.
        length: P.
        stride: S.
        at_end: repeat the last step S times; else the patches end with the last step, and the first ones may be left
            out.
    """
    missing = max(length - series.shape[1], stride if at_end else 0)
    if missing:
        series = F.pad(series.mT, (0, missing), mode="replicate").mT
    left_out = (series.shape[1] - length) % stride
    used = series if at_end else series[:, left_out:]
    return used.unfold(1, length, stride)


def patch_count(steps: int, length: int, stride: int, *, at_end: bool) -> int:
    """How many patches `patches` makes of a series of so many steps."""
    return (max(length, steps + (stride if at_end else 0)) - length) // stride + 1


def instance_normed(series: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Series (B, T, C), each with mean 0 and variance 1 in each channel, and the means and scales, (B, C) both.

    Source: RevIN (Kim et al., ICLR 2022, equations 1 and 2), and `PatchTSTStdScaler` of transformers. Computed in fp32:
    the variance of a long series needs it.
    """
    numbers = series.float()
    mean = numbers.mean(dim=1, keepdim=True)
    scale = (numbers.var(dim=1, unbiased=False, keepdim=True) + EPSILON).sqrt()
    return ((numbers - mean) / scale).to(series), mean[:, 0], scale[:, 0]
