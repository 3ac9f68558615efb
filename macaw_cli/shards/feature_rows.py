"""The rows of a feature store's manifest, found by path, by key or by the end of a path, without holding them.

A million rows as Python objects take two gigabytes. Kept here is where each row's line begins and a few hashes, some 60
bytes per row; a row that is asked for is read again from the manifest.
"""

import os
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.file_names import composed
from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.shards.positioned_reads import Descriptor
from macaw_cli.shards.store_rows import NULL_KEY, manifest_rows, medium_row

_LINE_BYTES = 1024
"""Enough for most rows; a longer one takes a second read."""


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """One source path with its features of one modality.

    Attributes:
        path: source path as the manifest names it (relative); a clip ends in `#t=start,end`; empty for the null entry.
        key: first 32 hex digits of the SHA-256 of the content.
        shard: the tar that holds the features.
        offset: where the `.npy` content begins in it, in bytes.
        nbytes: size of the `.npy` content.
        shape: (tokens, channels), for video (frames, tokens, channels).
        meta: `duration` in seconds and the like.
    """

    path: str
    key: str
    modality: Modality
    shard: Path
    offset: int
    nbytes: int
    shape: tuple[int, ...]
    dtype: str
    meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ShardRow:
    """One finished shard as the manifest knows it."""

    path: Path
    nbytes: int
    sha256: str
    items: int


class ManifestIndex:
    """A manifest as it is now; one that is rewritten later does not change what is found. Safe in threads.

    Attributes:
        shards: the finished shards. A row of another shard belongs to unfinished work and is not found.

    Raises:
        DamagedError: a line is no row of a manifest.
    """

    def __init__(self, manifest: Path) -> None:
        self._folder = manifest.parent
        self._descriptor = Descriptor(manifest) if manifest.exists() else None
        self._starts, self._modalities = array("q"), bytearray()
        nulls: list[int] = []
        self.shards: list[ShardRow] = []
        paths, keys, names, ends = (array("q") for _ in range(4))
        for start, row in manifest_rows(manifest):
            if "key" not in row:
                if row["items"]:
                    self.shards.append(ShardRow(self._folder / row["shard"], row["bytes"], row["sha256"], row["items"]))
                continue
            if row["key"] == NULL_KEY:
                nulls.append(start)
                continue
            modality, path = row["modality"], composed(row["path"])
            self._starts.append(start)
            self._modalities.append(MODALITIES.index(modality))
            paths.append(hash((modality, path)))
            keys.append(hash((modality, row["key"])))
            parts = path.rsplit("/", 2)
            names.append(hash((modality, parts[-1])))
            ends.append(hash((modality, "/".join(parts[-2:]))))
        self._paths, self._keys, self._names, self._ends = map(_Lookup, (paths, keys, names, ends))
        self._shard_paths = {shard.path.name: shard.path for shard in self.shards}
        self.nulls = {row.modality: row for row in map(self._read, nulls) if row}

    def rows(self) -> Iterator[FeatureRow]:
        """Every row that counts, in the order of the manifest."""
        for number in range(len(self._starts)):
            if row := self._current(number):
                yield row

    def spread(self, modality: Modality, count: int) -> list[FeatureRow]:
        """At most `count` rows of a modality, evenly spread over the manifest."""
        mine = np.flatnonzero(np.frombuffer(self._modalities, np.uint8) == MODALITIES.index(modality))
        parts = np.array_split(mine, max(1, min(count, len(mine))))
        firsts = (next(filter(None, map(self._current, part.tolist())), None) for part in parts)
        return [row for row in firsts if row]

    def of_path(self, path: str, modality: Modality) -> FeatureRow | None:
        """The row of exactly this source path: the last one, as a file that was changed is extracted again."""
        found = self._latest(path, modality)
        return found[1] if found else None

    def of_key(self, key: str, modality: Modality) -> Iterator[FeatureRow]:
        """The rows with this content, one per source path, last first."""
        for number in reversed(self._keys.find(modality, key)):
            if (row := self._current(number)) and (row.key, row.modality) == (key, modality):
                yield row

    def ending(self, path: str, modality: Modality) -> Iterator[FeatureRow]:
        """The rows whose path ends in `path`, and those in whose path `path` itself ends."""
        above = path
        while above := above.partition("/")[2]:
            if row := self.of_path(above, modality):
                yield row
        lookup, path = self._ends if "/" in path else self._names, composed(path)
        for number in lookup.find(modality, "/".join(path.rsplit("/", 2)[-2:])):
            row = self._current(number)
            if row and row.modality == modality and f"/{composed(row.path)}".endswith(f"/{path}"):
                yield row

    def _latest(self, path: str, modality: Modality) -> tuple[int, FeatureRow] | None:
        """The last row of a path as it is written, else of one that differs only in how its letters are composed."""
        other: tuple[int, FeatureRow] | None = None
        for number in reversed(self._paths.find(modality, composed(path))):
            row = self._read(self._starts[number])
            if row and (row.path, row.modality) == (path, modality):
                return number, row
            if row and other is None and (composed(row.path), row.modality) == (composed(path), modality):
                other = number, row
        return other

    def _current(self, number: int) -> FeatureRow | None:
        """The row at `number`, unless its shard is unfinished or a later row has the same path."""
        row = self._read(self._starts[number])
        if row is None or self._paths.is_single(row.modality, composed(row.path)):
            return row
        latest = self._latest(row.path, row.modality)
        return row if latest and latest[0] == number else None

    def _read(self, start: int) -> FeatureRow | None:
        assert self._descriptor is not None
        size = _LINE_BYTES
        while b"\n" not in (text := os.pread(self._descriptor.number, size, start)):
            if len(text) < size:
                raise DamagedError(f"The manifest of {self._folder} was truncated while it was read.", "Start again.")
            size *= 8
        line = text[: text.index(b"\n")].decode("utf-8", errors="replace")
        row = medium_row(line, f"The manifest of {self._folder}")
        shard = self._shard_paths.get(row["shard"])
        return None if shard is None else FeatureRow(
            path=row["path"], key=row["key"], modality=row["modality"], shard=shard, offset=row["offset"],
            nbytes=row["bytes"], shape=tuple(row["shape"]), dtype=row["dtype"], meta=row.get("meta") or {},
        )  # fmt: skip


class _Lookup:
    """Row numbers by a text, over its 64-bit hash: whoever asks compares the text itself."""

    def __init__(self, hashes: "array[int]") -> None:
        values = np.frombuffer(hashes, np.int64) if hashes else np.empty(0, np.int64)
        self._numbers = np.argsort(values, kind="stable").astype(np.uint32)
        self._hashes = values[self._numbers]

    def find(self, modality: Modality, text: str) -> list[int]:
        """The numbers of the rows that may have this text, ascending."""
        first, last = self._range(modality, text)
        numbers: list[int] = self._numbers[first:last].tolist()
        return numbers

    def is_single(self, modality: Modality, text: str) -> bool:
        """Whether surely no two rows have this text."""
        first, last = self._range(modality, text)
        return last - first <= 1

    def _range(self, modality: Modality, text: str) -> tuple[int, int]:
        wanted = hash((modality, text))
        return int(self._hashes.searchsorted(wanted)), int(self._hashes.searchsorted(wanted, side="right"))
