"""Read a feature store: which file has which features, and the features themselves by position.

`store.json` holds the format version and one encoder fingerprint per modality; `manifest.jsonl` has one row per
source path and modality (`key`, `shard`, `offset`, ...) and, after a shard's rows, one row with the shard's own size
and hash. Rows of a shard without that last row belong to unfinished work and are not read.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.basics.atomic_files import read_json, read_jsonl
from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.basics.fingerprints import require_version
from macaw_cli.config.settings import Modality
from macaw_cli.shards.tar_reader import ShardReader, verify_shard, verify_size

STORE_VERSION = 1
STORE_NAME, MANIFEST_NAME = "store.json", "manifest.jsonl"
NULL_KEY = "null"
"""Key of the features of an all-zero input, one per modality, in the modality's first shard."""


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


class FeatureStore:
    """A folder of features, opened for reading.

    Raises:
        InputError: the folder is no feature store.
        DamagedError: a shard is missing, or has another size than the manifest says.
        MismatchError: a newer macaw wrote it.
    """

    def __init__(self, folder: Path, *, check_sizes: bool = True) -> None:
        self.folder = folder
        if not (folder / STORE_NAME).is_file():
            problem = f"{folder} is not a feature store: it has no {STORE_NAME}."
            raise InputError(problem, "`macaw extract-features` makes one.")
        store = read_json(folder / STORE_NAME)
        require_version(store.get("format_version"), STORE_VERSION, folder / STORE_NAME)
        self.fingerprints: dict[Modality, dict[str, Any]] = store["fingerprints"]
        rows = read_jsonl(folder / MANIFEST_NAME)
        self.shards = [_shard_row(folder, row) for row in rows if "sha256" in row and row["items"]]
        self._reader = ShardReader()
        if check_sizes:
            for shard in self.shards:
                verify_size(shard.path, shard.nbytes)
        self._index([_feature_row(folder, row) for row in rows if "key" in row])

    def find(self, path_or_name: str, modality: Modality) -> FeatureRow | None:
        """The features of a file: by source path, by the unique end of one (such as its name), or by key.

        None also when several different media end that way: `why_missing` tells which case it is.
        """
        candidates = self._candidates(path_or_name, modality)
        return candidates[0] if len({row.key for row in candidates}) == 1 else None

    def why_missing(self, path_or_name: str, modality: Modality) -> str:
        """The reason, for people, why `find` gave None."""
        candidates = self._candidates(path_or_name, modality)
        if candidates:
            paths = ", ".join(sorted(row.path for row in candidates)[:3])
            return f"{path_or_name} fits {len(candidates)} {modality} files ({paths}, ...): give more of its path"
        return f"{self.folder} has no {modality} features of {path_or_name}"

    def read(self, row: FeatureRow) -> np.ndarray:
        """The features: fp16, `row.shape`, read-only.

        Raises:
            DamagedError: the shard is missing, cut or holds something else there.
        """
        array = self._reader.read_npy(row.shard, row.offset, row.nbytes)
        if array.shape != row.shape:
            raise DamagedError(f"{row.shard} holds {array.shape} for {row.key}, the manifest says {row.shape}.")
        return array

    def null_row(self, modality: Modality) -> FeatureRow | None:
        """The features of an all-zero input; None when the store has nothing of this modality."""
        return self._nulls.get(modality)

    def rows(self) -> Iterator[FeatureRow]:
        """Every source path with its features, in manifest order, without the null entries."""
        yield from self._rows.values()

    def verify(self) -> Iterator[tuple[ShardRow, DamagedError | None]]:
        """Reread every shard whole against its hash; yields each with what is wrong with it."""
        for shard in self.shards:
            try:
                verify_shard(shard.path, shard.nbytes, shard.sha256)
                yield shard, None
            except DamagedError as error:
                yield shard, error

    def _index(self, rows: list[FeatureRow]) -> None:
        finished = {shard.path for shard in self.shards}
        self._nulls = {row.modality: row for row in rows if row.key == NULL_KEY and row.shard in finished}
        # a later row of the same path wins: the file was changed and extracted again
        self._rows = {(row.modality, row.path): row for row in rows if row.key != NULL_KEY and row.shard in finished}
        self._by_key = {(row.modality, row.key): row for row in self._rows.values()}
        self._by_name: dict[tuple[str, str], list[FeatureRow]] = defaultdict(list)
        for row in self._rows.values():
            self._by_name[row.modality, _name(row.path)].append(row)

    def _candidates(self, path_or_name: str, modality: Modality) -> list[FeatureRow]:
        wanted = path_or_name.removeprefix("./")
        exact = self._rows.get((modality, wanted)) or self._by_key.get((modality, wanted))
        if exact:
            return [exact]
        same_name = self._by_name.get((modality, _name(wanted)), [])
        return [row for row in same_name if _ends_with(row.path, wanted)]


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _ends_with(path: str, end: str) -> bool:
    """Whether the shorter of both paths is the end of the longer: a caption file may know more folders, or fewer."""
    return f"/{path}".endswith(f"/{end}") or f"/{end}".endswith(f"/{path}")


def _shard_row(folder: Path, row: dict[str, Any]) -> ShardRow:
    return ShardRow(folder / row["shard"], row["bytes"], row["sha256"], row["items"])


def _feature_row(folder: Path, row: dict[str, Any]) -> FeatureRow:
    return FeatureRow(
        path=row["path"], key=row["key"], modality=row["modality"], shard=folder / row["shard"], offset=row["offset"],
        nbytes=row["bytes"], shape=tuple(row["shape"]), dtype=row["dtype"], meta=row.get("meta", {}),
    )  # fmt: skip
