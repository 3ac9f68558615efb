"""Nearest neighbours among media, by the cosine of their mean features: numpy only, in blocks.

Two encodings of one image, one audio or one video have nearly the same mean features, whatever their bytes. Features of
different media have much in common as well, such as what an encoder makes of the padding of short audio, so that the
mean over all media is subtracted first.
"""

from collections.abc import Callable, Sequence

import numpy as np

from macaw_cli.dataset.feature_join import FeatureStores
from macaw_cli.dataset.scratch.media_table import Medium

TOKENS = 32
"""Feature tokens of a medium that are averaged, evenly spread; on measured media as good as all of them."""
CENTERED_FROM = 32
"""Media from which on their mean is subtracted; that of fewer would be one of them."""
BLOCK = 4096
"""Media per side of a block: 64 MiB of cosines."""


def mean_features(
    media: Sequence[Medium], stores: FeatureStores, advance: Callable[[int, str], None]
) -> np.ndarray:
    """The mean features of some media of one modality.

    Args:
        media: with features in `stores`.
        stores: where they are.
        advance: progress, counted in media.

    Returns:
        (media, channels) fp16, which holds 100,000 media of 1,024 channels in 200 MB.

    Raises:
        DamagedError: a feature shard is missing or cut.
    """
    means = np.empty((len(media), media[0].row.shape[-1] if media else 0), np.float16)
    for number, medium in enumerate(media):
        means[number] = stores.stores[medium.store].read_some(medium.row, TOKENS).mean(axis=0, dtype=np.float32)
        advance(1, medium.row.path)
    return means


def nearest(of: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each medium the one among the others with the largest cosine.

    Args:
        of: (n, channels) mean features, whose own mean is subtracted from both where they are many.
        among: (m, channels), m > 0.

    Returns:
        (n,) int64 place among the others, and (n,) fp32 cosine. A medium without features, all zero, has the cosine 0.
    """
    center = of.mean(axis=0, dtype=np.float64).astype(np.float32) if len(of) >= CENTERED_FROM else np.float32(0)
    places = np.zeros(len(of), np.int64)
    cosines = np.full(len(of), -np.inf, np.float32)
    for start in range(0, len(of), BLOCK):
        rows = slice(start, start + BLOCK)
        own = directions(of[rows], center)
        for column in range(0, len(among), BLOCK):
            found = own @ directions(among[column : column + BLOCK], center).T
            best = found.argmax(axis=1)
            values = found[np.arange(len(best)), best]
            better = values > cosines[rows]
            cosines[rows][better] = values[better]
            places[rows][better] = best[better] + column
    return places, cosines


def directions(means: np.ndarray, center: np.ndarray | np.float32) -> np.ndarray:
    """Vectors of length 1 around the center, fp32; zeros stay zeros."""
    around = np.nan_to_num(means.astype(np.float32) - center, posinf=0, neginf=0)
    lengths = np.linalg.norm(around, axis=1, keepdims=True)
    return np.asarray(around / np.maximum(lengths, 1e-12))
