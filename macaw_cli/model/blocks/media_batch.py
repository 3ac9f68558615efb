"""Media of several lengths as one batch, so that a layer runs once for all of them.

Letters: B media or frames, N feature tokens, C channels.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from macaw_cli.model.device_copies import on_device


def frames_of(features: Sequence[Tensor]) -> tuple[list[Tensor], list[int]]:
    """The frames of all media as (N, C) each, and how many each medium has: one, where it is no video.

    Args:
        features: (N, C) or (F, N, C) per medium.
    """
    counts = [len(medium) if medium.dim() == 3 else 1 for medium in features]
    frames = [frame for medium in features for frame in (medium if medium.dim() == 3 else medium[None])]
    return frames, counts


def padded(features: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
    """(B, longest N, C) with zeros behind the shorter ones, and (B, longest N) true where there is a token.

    The mask is None where all are equally long.

    Args:
        features: (N, C) each.
    """
    lengths = [medium.shape[0] for medium in features]
    if all(length == lengths[0] for length in lengths):
        return torch.stack(list(features)), None
    batch = nn.utils.rnn.pad_sequence(list(features), batch_first=True)
    mask = torch.arange(batch.shape[1], device=batch.device) < on_device(lengths, batch.device)[:, None]
    return batch, mask


def batched(groups: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
    """All sequences of all groups as `padded` has them: (B, longest N, C), and the mask or None.

    Args:
        groups: (S, N, C) each: S sequences that are equally long, such as the frames of a video.
    """
    lengths = [group.shape[1] for group in groups]
    if all(length == lengths[0] for length in lengths):
        return torch.cat(list(groups)), None
    batch = torch.cat([F.pad(group, (0, 0, 0, max(lengths) - group.shape[1])) for group in groups])
    every = [length for group, length in zip(groups, lengths, strict=True) for _ in range(len(group))]
    return batch, torch.arange(batch.shape[1], device=batch.device) < on_device(every, batch.device)[:, None]
