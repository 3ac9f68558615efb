"""Samples and shards of the conversations in their order: sizes, and what a shard needs to be written alone."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from macaw_cli.dataset.layout import PlannedShard, plan_shards
from macaw_cli.dataset.reading import SPOOL, Reading
from macaw_cli.dataset.samples import (
    TEXT_ONLY_PER_SAMPLE,
    json_begin,
    json_bytes,
    media_json,
    member_names,
    tar_bytes,
)
from macaw_cli.dataset.scratch.columns import read_column, write_column
from macaw_cli.dataset.scratch.records import RecordReader
from macaw_cli.dataset.scratch.spooled import Spooled, read_spooled
from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.shards.training_rows import SPLITS, Split


@dataclass(frozen=True, slots=True)
class Planned:
    """All samples, and the shards that they fill."""

    shards: list[PlannedShard]
    samples: dict[Split, int]
    media: dict[Split, dict[Modality, int]]
    """Different media of each side."""


def plan(reading: Reading, folder: Path, conversations: dict[Split, int], shard_bytes: int) -> Planned:
    """Lay out the shards, and write the columns of their samples.

    Column `sample` has the first conversation of each sample, and last how many conversations there are; column `text`
    its number among those of text alone, from 1, or 0 for others.

    Args:
        reading: what was read.
        folder: of the columns.
        conversations: how many there are on each side.
        shard_bytes: size of a shard.
    """
    sets = read_column(folder, "ordered-set", np.uint32)
    starts, texts = _starts(sets, conversations)
    write_column(folder, "sample", [starts, np.array([len(sets)], np.uint32)])
    write_column(folder, "text", [texts])
    first_of_val: int = int(np.searchsorted(starts, conversations["train"]))
    counts = {"train": first_of_val, "val": len(starts) - first_of_val}
    shards: list[PlannedShard] = []
    media: dict[Split, dict[Modality, int]] = {}
    identities, members = reading.media.identities(), list(reading.sets)
    for split, first in zip(SPLITS, (0, first_of_val), strict=True):
        mine = slice(first, first + counts[split])
        shards += plan_shards(_sizes(reading, folder, starts, mine), split, first, shard_bytes)
        used = {medium for number in np.unique(sets[starts[mine]]) for medium in members[number]}
        found = Counter(identities[medium][0] for medium in used)
        media[split] = {modality: found[modality] for modality in MODALITIES}
    return Planned(shards, {split: counts[split] for split in SPLITS}, media)


def _starts(sets: np.ndarray, conversations: dict[Split, int]) -> tuple[np.ndarray, np.ndarray]:
    """The first conversation of each sample, and its number among those of text alone (from 1; else 0)."""
    begins = np.ones(len(sets), bool)
    begins[1:] = sets[1:] != sets[:-1]
    if 0 < conversations["train"] < len(sets):
        begins[conversations["train"]] = True
    starts = np.flatnonzero(begins).astype(np.uint32)
    parts, numbers = [], []
    ends = np.append(starts[1:], np.uint32(len(sets)))
    plain = 0  # samples of media up to here go over as they are
    for at in np.flatnonzero(sets[starts] == 0).tolist():
        chunks = np.arange(starts[at], ends[at], TEXT_ONLY_PER_SAMPLE, dtype=np.uint32)
        parts += [starts[plain:at], chunks]
        numbers += [np.zeros(at - plain, np.uint32), np.arange(1, len(chunks) + 1, dtype=np.uint32)]
        plain = at + 1
    parts.append(starts[plain:])
    numbers.append(np.zeros(len(starts) - plain, np.uint32))
    return np.concatenate(parts), np.concatenate(numbers)


def _sizes(reading: Reading, folder: Path, starts: np.ndarray, mine: slice) -> Iterator[int]:
    """Bytes of each sample of a side in the tar."""
    if mine.start == mine.stop:
        return
    sets, identities = read_column(folder, "ordered-set", np.uint32), reading.media.identities()
    lengths = np.add.reduceat(read_column(folder, "ordered-json", np.uint32), starts, dtype=np.int64)
    ends = np.append(starts[1:], np.uint32(len(sets)))
    odd = read_column(folder, "ordered-plain", np.uint8) == 0  # media that are named twice make names longer
    conversations = _Conversations(folder)
    try:
        for number in range(mine.start, mine.stop):
            start, end = int(starts[number]), int(ends[number])
            first = conversations.at(start)
            names = member_names(first, identities)
            media = len(media_json(first, names, identities)) * (end - start)
            if odd[start:end].any():
                media = sum(len(media_json(conversations.at(at), names, identities)) for at in range(start, end))
            begin = len(json_begin(first, names, identities))
            text = json_bytes(begin, int(lengths[number]) + media, end - start)
            yield tar_bytes([*(reading.media.nbytes[medium] for medium in names), text])
    finally:
        conversations.close()


class _Conversations:
    """The conversations in their order."""

    def __init__(self, folder: Path) -> None:
        self._offsets = read_column(folder, "ordered-offset", np.uint64)
        self._lengths = read_column(folder, "ordered-length", np.uint32)
        self._reader = RecordReader(folder / SPOOL)

    def at(self, number: int) -> Spooled:
        return read_spooled(self._reader.read((int(self._offsets[number]), int(self._lengths[number]))))

    def close(self) -> None:
        self._reader.close()
