"""Which conversations are held out: whole groups of connected media, chosen by seed.

Two conversations are connected when they share a medium, also through a third one. A connected group stays on one
side, so nothing that is seen in training is ever asked about in validation. Text-only conversations are connected
when their text is the same.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from macaw_cli.basics.connected_components import Connections
from macaw_cli.shards.training_rows import Split


@dataclass(frozen=True, slots=True)
class SplitItem:
    """What matters of one conversation."""

    links: frozenset[str]
    """Content keys of its media; of a text-only conversation the hash of its text. Never empty."""
    stratum: str = ""
    """Val gets its share of every stratum, such as all conversations about images."""
    asked: Split | None = None
    """The side that the row itself asks for."""
    count: int = 1
    """How many conversations are alike in all of this."""


@dataclass(frozen=True, slots=True)
class TextGroups:
    """Text-only conversations without a wish: those of the same text stay together, and with nothing else.

    There may be millions, so that each is a number alone: what `text_rank` says of its text.
    """

    ranks: np.ndarray
    """Of each text, ascending."""
    sizes: np.ndarray
    """Conversations with it."""


NO_TEXTS = TextGroups(np.empty(0, np.uint64), np.empty(0, np.int64))


def text_rank(link: str, seed: int) -> int:
    """A random number of a text that only its content and the seed decide, in 64 bits."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{link}".encode()).digest()[:8])


def assign_splits(
    items: Sequence[SplitItem], val_fraction: float, seed: int, texts: TextGroups = NO_TEXTS
) -> tuple[list[Split | None], np.ndarray]:
    """Put every item on a side; deterministic, and independent of the items' order.

    A side that a row asks for is respected and pulls everything connected along. What would put one medium on both
    sides gets None, to be left out: first training rows that ask for a medium of a row that asks to be held out,
    then rows without a wish that connect both sides.

    Args:
        items: one per conversation, or per several that are alike.
        val_fraction: share of the conversations without a wish that is held out, at most; one group at least when
            there are two or more.
        seed: decides which.
        texts: text-only conversations, which are divided like one more stratum.

    Returns:
        The side of each item, and the ranks of the texts that are held out, ascending.
    """
    sides: list[Split | None] = [None] * len(items)
    held_out = {link for item in items if item.asked == "val" for link in item.links}
    usable = [n for n, item in enumerate(items) if item.asked != "train" or not item.links & held_out]
    free: list[list[int]] = []
    for group in _connected(items, usable):
        asked = {items[n].asked for n in group} - {None}
        if asked:
            for n in group:
                sides[n] = items[n].asked or (asked.copy().pop() if len(asked) == 1 else None)
        else:
            free.append(group)
    chosen, held_out_texts = _held_out(_Free(items, free, seed), texts, val_fraction)
    for position, group in enumerate(free):
        for n in group:
            sides[n] = "val" if position in chosen else "train"
    return sides, held_out_texts


def _connected(items: Sequence[SplitItem], usable: Sequence[int]) -> list[list[int]]:
    connections = Connections()
    for n in usable:
        connections.connect(items[n].links)
    groups: dict[object, list[int]] = defaultdict(list)
    for n in usable:
        groups[connections.group(next(iter(items[n].links)))].append(n)
    return list(groups.values())


class _Free:
    """Groups without a wish."""

    def __init__(self, items: Sequence[SplitItem], groups: Sequence[list[int]], seed: int) -> None:
        self.sizes = [sum(items[n].count for n in group) for group in groups]
        self.ranks = [_rank(items, group, seed) for group in groups]
        self.strata: dict[str, list[int]] = defaultdict(list)
        for position, group in enumerate(groups):
            self.strata[_stratum(items, group)].append(position)


def _held_out(free: _Free, texts: TextGroups, val_fraction: float) -> tuple[set[int], np.ndarray]:
    """Positions of the groups, and ranks of the texts, that are held out."""
    chosen: set[int] = set()
    for positions in free.strata.values():
        room = round(val_fraction * sum(free.sizes[position] for position in positions))
        for position in sorted(positions, key=free.ranks.__getitem__):
            if free.sizes[position] <= room:
                chosen.add(position)
                room -= free.sizes[position]
    held_out = texts.ranks[_chosen_texts(texts, val_fraction)]
    if not chosen and not len(held_out) and val_fraction > 0 and len(free.sizes) + len(texts.ranks) > 1:
        smallest = min(range(len(free.sizes)), key=lambda one: (free.sizes[one], free.ranks[one]), default=None)
        text = int(np.argmin(texts.sizes)) if len(texts.sizes) else None
        if text is not None and (smallest is None or _comes_before(texts, text, free, smallest)):
            held_out = texts.ranks[text : text + 1]
        elif smallest is not None:
            chosen.add(smallest)
    return chosen, held_out


def _chosen_texts(texts: TextGroups, val_fraction: float) -> list[int]:
    room = round(val_fraction * int(texts.sizes.sum()))
    chosen: list[int] = []
    for place, size in enumerate(texts.sizes):  # by rank
        if room == 0:
            break
        if size <= room:
            chosen.append(place)
            room -= int(size)
    return chosen


def _comes_before(texts: TextGroups, text: int, free: _Free, position: int) -> bool:
    return (int(texts.sizes[text]), int(texts.ranks[text])) < (
        free.sizes[position], int.from_bytes(free.ranks[position][:8])
    )  # fmt: skip


def _stratum(items: Sequence[SplitItem], group: list[int]) -> str:
    return "+".join(sorted({items[n].stratum for n in group}))


def _rank(items: Sequence[SplitItem], group: list[int], seed: int) -> bytes:
    """A random number of a group that only its content and the seed decide."""
    smallest = min(link for n in group for link in items[n].links)
    return hashlib.sha256(f"{seed}/{smallest}".encode()).digest()
