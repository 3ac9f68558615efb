"""What a manifest lists, counted in one pass: numbers are kept for each row, not the row."""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.shards.feature_store import MANIFEST_NAME, NULL_KEY
from macaw_cli.shards.store_rows import manifest_rows


@dataclass(frozen=True, slots=True)
class ModalityCounts:
    """What the finished shards hold of one modality.

    Attributes:
        files: source paths.
        media: different contents.
        bytes: of their features.
        shapes: how many files have features of each shape, the most frequent first.
        seconds: shortest and longest duration of a file, empty where none has one.
        total_seconds: of all files together.
        null_entry: whether the features of an all-zero input are there.
        shards: tars that hold them.
        warnings: how many files have each of them, the most frequent first.
    """

    files: int
    media: int
    bytes: int
    shapes: dict[tuple[int, ...], int]
    seconds: list[float]
    total_seconds: float
    null_entry: bool
    shards: int
    warnings: dict[str, int]


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """Counts of the whole store; modalities without a file are left out."""

    modalities: dict[Modality, ModalityCounts]
    shards: int
    bytes: int


def count_manifest(folder: Path) -> StoreCounts:
    """Count the rows that a reader of the store would find; no shard is opened.

    Raises:
        DamagedError: the manifest is not JSON lines.
    """
    columns = {modality: _Columns() for modality in MODALITIES}
    finished: dict[str, int] = {}
    for _, row in manifest_rows(folder / MANIFEST_NAME):
        if "key" in row:
            columns[row["modality"]].add(row)
        elif row["items"]:
            finished[row["shard"]] = row["bytes"]
    counted = {modality: column.counts(finished) for modality, column in columns.items()}
    present = {modality: counts for modality, counts in counted.items() if counts.files}
    return StoreCounts(present, len(finished), sum(finished.values()))


@dataclass(slots=True)
class _Columns:
    """Forty bytes per row of one modality."""

    paths: "array[int]" = field(default_factory=lambda: array("q"))
    keys: "array[int]" = field(default_factory=lambda: array("q"))
    sizes: "array[int]" = field(default_factory=lambda: array("q"))
    seconds: "array[float]" = field(default_factory=lambda: array("d"))
    shapes: "array[int]" = field(default_factory=lambda: array("i"))
    shards: "array[int]" = field(default_factory=lambda: array("i"))
    shape_numbers: dict[tuple[int, ...], int] = field(default_factory=dict)
    shard_numbers: dict[str, int] = field(default_factory=dict)
    null_shards: set[str] = field(default_factory=set)
    warned: dict[int, str] = field(default_factory=dict)
    """Warnings by the row's number: few have one."""

    def add(self, row: dict[str, Any]) -> None:
        """Take one row of a source path, or the null entry's."""
        if row["key"] == NULL_KEY:
            self.null_shards.add(row["shard"])
            return
        meta = row.get("meta") or {}
        duration = meta.get("duration")
        if "warning" in meta:
            self.warned[len(self.paths)] = str(meta["warning"])
        self.paths.append(hash(row["path"]))
        self.keys.append(hash(row["key"]))
        self.sizes.append(row["bytes"])
        self.seconds.append(float("nan") if duration is None else float(duration))
        self.shapes.append(self.shape_numbers.setdefault(tuple(row["shape"]), len(self.shape_numbers)))
        self.shards.append(self.shard_numbers.setdefault(row["shard"], len(self.shard_numbers)))

    def counts(self, finished: dict[str, int]) -> ModalityCounts:
        """Leave out unfinished shards and rows whose path has a later one."""
        whole = np.array([name in finished for name in self.shard_numbers], bool)
        rows = np.flatnonzero(whole[np.array(self.shards, np.int64)]) if self.shards else np.empty(0, np.int64)
        _, last = np.unique(np.array(self.paths, np.int64)[rows][::-1], return_index=True)
        rows = rows[::-1][last]
        _, first = np.unique(np.array(self.keys, np.int64)[rows], return_index=True)
        seconds = np.array(self.seconds, np.float64)[rows]
        seconds = seconds[~np.isnan(seconds)]
        names = list(self.shape_numbers)
        shapes = Counter(names[number] for number in np.array(self.shapes, np.int64)[rows].tolist())
        return ModalityCounts(
            files=len(rows), media=len(first), bytes=int(np.array(self.sizes, np.int64)[rows][first].sum()),
            shapes=dict(shapes.most_common()), total_seconds=float(seconds.sum()),
            seconds=[float(seconds.min()), float(seconds.max())] if len(seconds) else [],
            null_entry=not self.null_shards.isdisjoint(finished),
            shards=sum(name in finished for name in self.shard_numbers),
            warnings=dict(Counter(self.warned[row] for row in self.warned.keys() & set(rows.tolist())).most_common())
            if self.warned else {},
        )  # fmt: skip
