"""The features of many media in one block of memory.

N: feature tokens, C: channels, F: frames.
"""

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod

import torch

from macaw_cli.modalities.table import Modality
from macaw_cli.shards.joined_datasets import DatasetReader
from macaw_cli.shards.training_rows import MediaRef

STORED = torch.float16
"""Number format of features in shards; they keep it until they are where they are used: half the bytes to move."""


@dataclass(frozen=True)
class MediaBlock:
    """All media of one modality in a packed sequence, in one block of memory: one copy takes them to a GPU."""

    values: torch.Tensor
    """(numbers of all media,)"""
    shapes: tuple[tuple[int, ...], ...]
    """Of each medium, in order of appearance: (N, C), video (F, N, C)."""

    def split(self) -> list[torch.Tensor]:
        """The media, as views."""
        ends = accumulate(prod(shape) for shape in self.shapes)
        return [self.values[end - prod(shape) : end].view(shape) for end, shape in zip(ends, self.shapes, strict=True)]


def media_block(dataset: DatasetReader, refs: Sequence[MediaRef], *, pinned: bool) -> MediaBlock:
    """The features of media of one modality.

    Args:
        dataset: where they are.
        refs: the media.
        pinned: whether the block lies in pinned memory.

    Raises:
        DamagedError: a shard is missing or cut.
    """
    shapes = tuple(tuple(ref.shape) for ref in refs)
    block = MediaBlock(torch.empty(sum(map(prod, shapes)), dtype=STORED, pin_memory=pinned), shapes)
    for ref, place in zip(refs, block.split(), strict=True):
        place.copy_(torch.from_numpy(dataset.features(ref)))
    return block


def digest_of(tokens: torch.Tensor, media: Mapping[Modality, MediaBlock]) -> int:
    """See `Batch.digest`.

    Args:
        tokens: whatever ids the sequence has.
        media: of each modality.
    """
    digest = hashlib.sha256(tokens.numpy().tobytes())
    for modality, block in media.items():  # a checksum, several times faster than a hash: features are many bytes
        checksum = zlib.crc32(block.values.view(torch.uint8).numpy().data)
        digest.update(f"{modality} {block.shapes} {checksum:x}".encode())
    return int(digest.hexdigest()[:12], 16)
