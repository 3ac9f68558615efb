"""Decoded media through an encoder in batches, and its results back in the order of the media."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice

import numpy as np
import torch
from torch import Tensor

from macaw_cli.basics.threads import usable_cores
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.image_encoder import ImageEncoder
from macaw_cli.encoders.selection import Features, Prepared


def in_batches(encoder: FrozenEncoder, arrays: list[np.ndarray], batch: int) -> list[Tensor]:
    """One (tokens, channels) per array, still on the device: while it computes, the next batch is prepared."""
    parts = [arrays[first : first + batch] for first in range(0, len(arrays), batch)]
    made: list[Features] = [encoder.encode(_prepared(encoder, part)) for part in parts]
    return list(chain(*made))


def regrouped(items: Sequence[Tensor], counts: list[int]) -> list[list[Tensor]]:
    """`items` in lists of so many each."""
    following = iter(items)
    return [list(islice(following, count)) for count in counts]


def _prepared(encoder: FrozenEncoder, arrays: list[np.ndarray]) -> Prepared:
    if not isinstance(encoder, ImageEncoder):
        return prepared_by_threads(encoder, arrays, usable_cores()) if _feeds_gpu(encoder) else encoder.prepare(arrays)
    if encoder.geometry is not None:
        return encoder.prepare_fitted(np.stack(arrays))
    from PIL import Image

    return encoder.prepare([Image.fromarray(array) for array in arrays])


def _feeds_gpu(encoder: FrozenEncoder) -> bool:
    return encoder.device.type == "cuda"


def prepared_by_threads(encoder: FrozenEncoder, arrays: list[np.ndarray], threads: int) -> Prepared:
    """As `encoder.prepare`, on several cores: spectrograms take one core longer than a GPU needs to encode them.

    Meanwhile a GPU computes the batch before.

    Args:
        encoder: of audio.
        arrays: waveforms (samples,).
        threads: at most one for each of them.
    """
    share = -(-len(arrays) // threads)
    parts = [arrays[first : first + share] for first in range(0, len(arrays), share)]
    with ThreadPoolExecutor(len(parts), thread_name_prefix="macaw-prepare") as pool:
        made = list(pool.map(encoder.prepare, parts))
    together = [part for part in made if isinstance(part, Tensor)]
    return torch.cat(together) if together else [medium for part in made for medium in part]


def halved(features: Sequence[Tensor]) -> Features:
    """fp16, where they are; media of one shape travel together."""
    if len({medium.shape for medium in features}) == 1:
        return torch.stack(list(features)).half()
    return [medium.half() for medium in features]
