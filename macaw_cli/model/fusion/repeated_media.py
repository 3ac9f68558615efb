"""Media that stand several times in a batch, such as that of one example in the questions about it: bridged once.

A medium is the same where its features are the same tensor object.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from macaw_cli.modalities.table import Modality

Value = TypeVar("Value")


def first_places(media: Mapping[Modality, Sequence[Tensor]]) -> dict[Modality, list[int]]:
    """Per modality, for each medium the place of the first one with the same features."""
    found = {}
    for name, features in media.items():
        seen: dict[int, int] = {}
        found[name] = [seen.setdefault(id(medium), at) for at, medium in enumerate(features)]
    return found


def each_once(
    values: Mapping[Modality, Sequence[Value]], places: Mapping[Modality, Sequence[int]]
) -> dict[Modality, list[Value]]:
    """Per modality what belongs to each medium, without that of repetitions, in order."""
    return {
        name: [value for at, (value, place) in enumerate(zip(own, places[name], strict=True)) if at == place]
        for name, own in values.items()
    }


def repeated(soft: Tensor, counts: Sequence[int], places: Sequence[int]) -> Tensor:
    """The soft tokens of all media from those of `each_once`.

    Args:
        soft: (K, D), the media without repetitions behind one another; what follows them stays at the end.
        counts: soft tokens of each medium, repetitions included.
        places: of `first_places`.
    """
    if all(at == place for at, place in enumerate(places)):
        return soft
    sizes = [count for at, (count, place) in enumerate(zip(counts, places, strict=True)) if at == place]
    *own, rest = torch.split(soft, [*sizes, len(soft) - sum(sizes)])
    which = {place: number for number, place in enumerate(dict.fromkeys(places))}
    return torch.cat([*(own[which[place]] for place in places), rest])
