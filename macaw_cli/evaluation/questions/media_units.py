"""The media of a conversation one by one, a soundtrack being part of its video."""

from collections import defaultdict
from collections.abc import Sequence

from macaw_cli.shards.training_rows import MediaRef

Unit = tuple[int, ...]
"""Positions of one medium among the media of its conversation: its own, and that of its soundtrack."""


def units_of(media: Sequence[MediaRef]) -> tuple[Unit, ...]:
    """The media of a conversation in their order."""
    tracks: dict[int, list[int]] = defaultdict(list)
    for at, ref in enumerate(media):
        if ref.soundtrack_of is not None:
            tracks[ref.soundtrack_of].append(at)
    return tuple((at, *tracks[at]) for at, ref in enumerate(media) if ref.soundtrack_of is None)


def with_unit_of(own: Sequence[MediaRef], other: Sequence[MediaRef], unit: Unit) -> tuple[MediaRef, ...]:
    """The media with those at the positions in `unit` taken from media of the same layout."""
    return tuple(other[at] if at in unit else ref for at, ref in enumerate(own))
