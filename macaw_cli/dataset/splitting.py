"""Which conversations are held out: whole groups of connected media, chosen by seed.

Two conversations are connected when they share a medium, also through a third one. A connected group stays on one
side, so nothing that is seen in training is ever asked about in validation. Text-only conversations are connected
when their text is the same.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from macaw_cli.dataset.connected_components import Connections
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


def assign_splits(items: Sequence[SplitItem], val_fraction: float, seed: int) -> list[Split | None]:
    """Put every item on a side; deterministic, and independent of the items' order.

    A side that a row asks for is respected and pulls everything connected along. What would put one medium on both
    sides gets None, to be left out: first training rows that ask for a medium of a row that asks to be held out,
    then rows without a wish that connect both sides.

    Args:
        items: one per conversation.
        val_fraction: share of the conversations without a wish that is held out, at most; one group at least when
            there are two or more.
        seed: decides which.
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
    chosen = _held_out(items, free, val_fraction, seed)
    for position, group in enumerate(free):
        for n in group:
            sides[n] = "val" if position in chosen else "train"
    return sides


def _connected(items: Sequence[SplitItem], usable: Sequence[int]) -> list[list[int]]:
    connections = Connections()
    for n in usable:
        connections.connect(items[n].links)
    groups: dict[object, list[int]] = defaultdict(list)
    for n in usable:
        groups[connections.group(next(iter(items[n].links)))].append(n)
    return list(groups.values())


def _held_out(items: Sequence[SplitItem], groups: list[list[int]], val_fraction: float, seed: int) -> set[int]:
    """Positions of the groups that are held out."""
    strata: dict[str, list[int]] = defaultdict(list)
    for position, group in enumerate(groups):
        strata[_stratum(items, group)].append(position)
    order = {position: _rank(items, group, seed) for position, group in enumerate(groups)}
    chosen: set[int] = set()
    for positions in strata.values():
        room = round(val_fraction * sum(len(groups[position]) for position in positions))
        for position in sorted(positions, key=order.__getitem__):
            if len(groups[position]) <= room:
                chosen.add(position)
                room -= len(groups[position])
    if not chosen and val_fraction > 0 and len(groups) > 1:
        chosen.add(min(order, key=lambda position: (len(groups[position]), order[position])))
    return chosen


def _stratum(items: Sequence[SplitItem], group: list[int]) -> str:
    return "+".join(sorted({items[n].stratum for n in group}))


def _rank(items: Sequence[SplitItem], group: list[int], seed: int) -> bytes:
    """A random number of a group that only its content and the seed decide."""
    smallest = min(link for n in group for link in items[n].links)
    return hashlib.sha256(f"{seed}/{smallest}".encode()).digest()
