"""Which side each conversation is on, and in which order they are written: from the columns alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from macaw_cli.dataset.conversations import Origin
from macaw_cli.dataset.leaking import LeakCheck
from macaw_cli.dataset.reading import ASKED, Reading, records_of
from macaw_cli.dataset.rejects import Reject
from macaw_cli.dataset.samples import Identity
from macaw_cli.dataset.scratch.columns import in_order, read_column, write_column
from macaw_cli.dataset.source_specs import Source
from macaw_cli.dataset.splitting import NO_TEXTS, SplitItem, TextGroups, assign_splits
from macaw_cli.dataset.text_counts import UsedTexts, count_texts
from macaw_cli.shards.training_rows import SPLITS, Split

NO_SIDE = len(SPLITS)
_ASKED: list[Split | None] = [None, "train", "val"]


@dataclass(frozen=True, slots=True)
class Decided:
    """The conversations that are used, in the order in which they are written."""

    conversations: dict[Split, int]
    """How many; those of `train` come first."""
    by_source: np.ndarray
    """Conversations (source, side)."""
    by_kind: dict[str, dict[Split, int]]
    """Conversations of each kind on each side, in order of appearance; without a kind under an empty name."""
    texts: UsedTexts


def decide(
    reading: Reading, folder: Path, sources: Sequence[Source], val_fraction: float, seed: int,
    leaks: LeakCheck | None = None,
) -> Decided:
    """Split, leave out what would put a medium on both sides, and write the columns anew in the order of the shards.

    Args:
        reading: what was read.
        folder: of the columns.
        sources: for the names of files in rejects.
        val_fraction: share of the conversations that is held out.
        seed: decides which.
        leaks: compares the media of both sides; None leaves them as they are.
    """  # fmt: skip
    sides = _sides(reading, folder, val_fraction, seed)
    kept = _kept(sides, folder)
    _reject_conflicts(reading, folder, sources, sides, kept)
    if leaks:
        kept = leaks.apply(reading, folder, sources, sides, kept)
    decided = _counts(reading, folder, sides, kept, len(sources))
    order = _order(folder, sides, kept)
    for name, dtype in (("offset", np.uint64), ("length", np.uint32), ("json", np.uint32), ("set", np.uint32),
                        ("plain", np.uint8)):  # fmt: skip
        write_column(folder, f"ordered-{name}", in_order(read_column(folder, name, dtype), order))
    return decided


def _sides(reading: Reading, folder: Path, val_fraction: float, seed: int) -> np.ndarray:
    """The side of each conversation, by number; `NO_SIDE` for what must be left out."""
    sets, asked = read_column(folder, "set", np.uint32), read_column(folder, "asked", np.uint8)
    alike = sets.astype(np.int64) * len(ASKED) + asked
    counts = np.bincount(alike, minlength=len(reading.sets) * len(ASKED))
    found = [int(number) for number in np.flatnonzero(counts) if number >= len(ASKED)]  # the first are of text alone
    media, identities = list(reading.sets), reading.media.identities()
    items = [
        _item(media[number // len(ASKED)], identities, number % len(ASKED), int(counts[number])) for number in found
    ]
    free_text = (sets == 0) & (asked == 0)
    ranks = read_column(folder, "rank", np.uint64)[free_text] if free_text.any() else np.empty(0, np.uint64)
    texts = TextGroups(*np.unique(ranks, return_counts=True)) if len(ranks) else NO_TEXTS
    chosen, held_out = assign_splits(items, val_fraction, seed, texts)
    table = np.full(len(counts), NO_SIDE, np.uint8)
    for number, side in zip(found, chosen, strict=True):
        table[number] = NO_SIDE if side is None else SPLITS.index(side)
    table[: len(ASKED)] = [SPLITS.index(side or "train") for side in _ASKED]
    sides = table[alike]
    sides[free_text] = np.isin(ranks, held_out) * np.uint8(SPLITS.index("val"))
    return np.asarray(sides)


def _item(media: frozenset[int], identities: Sequence[Identity], asked: int, count: int) -> SplitItem:
    modalities = sorted({identities[medium][0] for medium in media})
    links = frozenset(identities[medium][1] for medium in media)
    return SplitItem(links, "+".join(modalities), _ASKED[asked], count)


def _kept(sides: np.ndarray, folder: Path) -> np.ndarray:
    """Which conversations are used: no held-out question that `#N+` repeats is asked twice."""
    offsets = read_column(folder, "offset", np.uint64)
    kept = sides != NO_SIDE
    kept[1:] &= (sides[1:] != SPLITS.index("val")) | (offsets[1:] != offsets[:-1])
    return np.asarray(kept)


def _reject_conflicts(
    reading: Reading, folder: Path, sources: Sequence[Source], sides: np.ndarray, kept: np.ndarray
) -> None:
    conflicts = np.flatnonzero(sides == NO_SIDE)
    if not len(conflicts):
        return
    identities, media = reading.media.identities(), list(reading.sets)
    sets = read_column(folder, "set", np.uint32)
    held_out_sets = np.unique(sets[kept & (sides == SPLITS.index("val"))])
    held_out = {identities[medium][1] for number in held_out_sets for medium in media[number]}
    for given in records_of(folder, conflicts):
        shared = [use.source for use in given.uses if identities[use.medium][1] in held_out]
        reason = (
            f"{', '.join(shared)} belongs to held-out conversations as well, but no medium may be in both splits"
            if shared
            else "its media connect conversations that ask for `train` with others that ask for `val`"
        )
        origin = Origin(given.source, sources[given.source].name, given.row)
        reading.rejects.add("split", Reject(origin, "no medium on both sides", reason, given.id))


def _counts(reading: Reading, folder: Path, sides: np.ndarray, kept: np.ndarray, sources: int) -> Decided:
    texts = count_texts(reading, folder, kept, sources)
    sides = sides[kept]
    by_source = np.bincount(
        read_column(folder, "source", np.uint32)[kept].astype(np.int64) * len(SPLITS) + sides,
        minlength=sources * len(SPLITS),
    ).reshape(sources, len(SPLITS))
    kinds = read_column(folder, "kind", np.uint32)[kept]
    numbers, first = np.unique(kinds, return_index=True)
    table = np.bincount(kinds.astype(np.int64) * len(SPLITS) + sides, minlength=len(reading.kinds) * len(SPLITS))
    names = list(reading.kinds)
    by_kind = {
        names[number]: {split: int(table[number * len(SPLITS) + at]) for at, split in enumerate(SPLITS)}
        for number in map(int, numbers[np.argsort(first)])
    }
    conversations = {split: int((sides == at).sum()) for at, split in enumerate(SPLITS)}
    return Decided(conversations, by_source, by_kind, texts)


def _order(folder: Path, sides: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The numbers of the used conversations: `train` before `val`, those of the same media behind the first of them."""
    rows = np.flatnonzero(kept).astype(np.uint32)
    sets, sides = read_column(folder, "set", np.uint32)[rows], sides[rows]
    # text alone is on both sides, so it counts as a set of each side
    own = sets * np.uint32(len(SPLITS)) + sides
    first = np.zeros(int(own.max(initial=0)) + 1, np.uint32)
    first[own[::-1]] = np.arange(len(own), dtype=np.uint32)[::-1]  # of several, what is written last stays: the first
    key = first[own]
    key[sides == SPLITS.index("val")] += np.uint32(len(own))
    return rows[np.argsort(key, kind="stable")]
