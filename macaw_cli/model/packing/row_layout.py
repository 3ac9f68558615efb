"""Where things stand in the rows of a batch, found on the CPU before the ids go to a GPU.

Asking a tensor on a GPU where something stands makes the CPU wait until the GPU has done all its work. A reader thread
knows all of it from the ids in CPU memory.

Letters: B rows, T positions; places count over all rows behind one another, from 0 to B T - 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from macaw_cli.modalities.table import Modality
from macaw_cli.model.losses import supervised_places
from macaw_cli.model.packing.example_borders import example_borders

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig


class Run(NamedTuple):
    """Placeholders of one modality with nothing between them."""

    place: int
    """Position of the first one."""
    length: int


class MediaPlaces(NamedTuple):
    """Where the placeholders stand, by modality, ascending; empty where there are none."""

    soft: Mapping[Modality, Tensor]
    """(K,) int64: of the media that are there."""
    null: Mapping[Modality, Tensor]
    """Where placeholders of absent media stand, in a model that reads null features."""
    runs: Mapping[Modality, Sequence[Run]]
    """Of the media that are there: placeholders with nothing between them, as a rule those of one medium."""


@dataclass(frozen=True)
class RowLayout:
    """What a forward pass would otherwise have to ask the GPU."""

    positions: int
    """B T."""
    borders: Tensor | None
    """See `example_borders.example_borders`; stays in CPU memory."""
    numbers: Tensor
    """int64, all of the following in one piece of memory, so that one copy takes it to a GPU."""
    runs: Mapping[Modality, Sequence[Run]]
    """See `MediaPlaces`; stays in CPU memory."""
    sizes: Sequence[int]
    """Of the parts of `numbers`: supervised places, their tokens, soft places and null places of each modality."""

    @property
    def supervised(self) -> tuple[Tensor, Tensor]:
        """See `losses.supervised_places`."""
        places, targets, *_ = self._parts
        return places, targets

    @property
    def media(self) -> MediaPlaces:
        """See `media_places`."""
        parts, count = self._parts[2:], len(self.runs)
        soft, null = (dict(zip(self.runs, some, strict=True)) for some in (parts[:count], parts[count:]))
        return MediaPlaces(soft, null, self.runs)

    @property
    def _parts(self) -> Sequence[Tensor]:
        parts: Sequence[Tensor] = torch.split(self.numbers, list(self.sizes))
        return parts

    def pin_memory(self) -> "RowLayout":
        """A copy in pinned memory, from which copies to a GPU do not make the CPU wait."""
        return replace(self, numbers=self.numbers.pin_memory())

    def to(self, device: torch.device) -> "RowLayout":
        """A copy with the places on `device`."""
        return replace(self, numbers=self.numbers.to(device, non_blocking=True))


def row_layout(input_ids: Tensor, labels: Tensor, position_ids: Tensor, config: "MacawConfig") -> RowLayout:
    """Find everything in ids that are still in CPU memory.

    Args:
        input_ids: (B, T).
        labels: (B, T), -100 where nothing is supervised.
        position_ids: (B, T), starting again with every example.
        config: knows the placeholders.
    """
    media = media_places(input_ids, config)
    parts = [*supervised_places(labels), *media.soft.values(), *media.null.values()]
    sizes = tuple(map(len, parts))
    return RowLayout(input_ids.numel(), example_borders(position_ids), torch.cat(parts), media.runs, sizes)


def media_places(input_ids: Tensor, config: "MacawConfig") -> MediaPlaces:
    """Where the placeholders of each modality stand; on a GPU this waits for it, once per kind of placeholder."""
    flat, names = input_ids.flatten(), config.placed_modalities
    soft = {name: _places(flat, config.soft_token_ids[name]) for name in names}
    runs = {name: _runs(places.tolist(), input_ids.shape[1]) for name, places in soft.items()}
    if config.null_features:
        return MediaPlaces(soft, {name: _places(flat, config.null_token_ids[name]) for name in names}, runs)
    return MediaPlaces(soft, dict.fromkeys(names, flat.new_empty(0)), runs)


def _runs(places: Sequence[int], row: int) -> list[Run]:
    """Ascending places in runs without gaps; a run ends with its row."""
    begins = [
        number
        for number, place in enumerate(places)
        if number == 0 or place != places[number - 1] + 1 or place % row == 0
    ]
    return [Run(places[first], last - first) for first, last in pairwise([*begins, len(places)])]


def _places(flat: Tensor, token: int) -> Tensor:
    return (flat == token).nonzero().squeeze(-1)
