"""Mean of the training media's features, around which new bridges read them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from macaw_cli.modalities.table import Modality
from macaw_cli.shards.joined_datasets import DatasetReader
from macaw_cli.shards.training_rows import MediaRef

SAMPLE = 256
"""Media per modality that are read: enough for a mean, and a second's work."""


def feature_means(
    dataset: DatasetReader, modalities: Iterable[Modality], sample: int = SAMPLE,
    layers: Mapping[Modality, int] = MappingProxyType({}),
) -> dict[Modality, Tensor]:  # fmt: skip
    """Mean of every channel over all feature tokens of a sample of the training media.

    The sample is spread evenly over the training split, in its order: the same on every rank.

    Args:
        dataset: read through the views of the training.
        modalities: those that are wanted; one without media in the training split is left out.
        sample: most media per modality.
        layers: whose tokens the features hold one after another, where the bridge reads those of the last one alone.

    Returns:
        (C,) fp32 per modality.
    """
    media: dict[Modality, dict[str, MediaRef]] = {modality: {} for modality in modalities}  # each medium once
    for row in dataset.conversations("train") if media else ():
        for ref in row.media:
            if ref.modality in media:
                media[ref.modality][ref.key] = ref
    return {
        name: _mean(dataset, _spread(list(found.values()), sample), layers.get(name, 1))
        for name, found in media.items()
        if found
    }


def _spread(media: list[MediaRef], sample: int) -> list[MediaRef]:
    places = np.linspace(0, len(media) - 1, min(sample, len(media))).round().astype(int)
    return [media[place] for place in places]


def _mean(dataset: DatasetReader, media: list[MediaRef], layers: int) -> Tensor:
    total, tokens = 0.0, 0
    for ref in media:
        features = dataset.features(ref)
        rows = features[..., -(features.shape[-2] // layers) :, :].reshape(-1, ref.shape[-1])
        total, tokens = total + rows.sum(axis=0, dtype=np.float64), tokens + len(rows)
    return torch.from_numpy(np.asarray(total / tokens)).float()
