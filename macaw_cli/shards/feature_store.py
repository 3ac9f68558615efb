"""Read a feature store: which file has which features, and the features themselves by position.

`store.json` holds the format version and one encoder fingerprint per modality; `manifest.jsonl` has one row per
source path and modality (`key`, `shard`, `offset`, ...) and, after a shard's rows, one row with the shard's own size
and hash. Rows of a shard without that last row belong to unfinished work and are not read.
"""

from collections.abc import Iterator
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.basics.fingerprints import require_version
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.owned_folders import FolderKind, marker_content
from macaw_cli.modalities.table import Modality
from macaw_cli.shards.feature_rows import FeatureRow, ManifestIndex, ShardRow
from macaw_cli.shards.remote_store import RemoteShards, read_record, shown_place
from macaw_cli.shards.store_rows import MANIFEST_NAME, NULL_KEY, STORE_NAME, STORE_VERSION, read_store_file
from macaw_cli.shards.stored_arrays import StoredArrays
from macaw_cli.shards.tar_reader import HEADER_BYTES, member_name, verify_shard, verify_size

__all__ = ["MANIFEST_NAME", "NULL_KEY", "STORE_NAME", "STORE_VERSION", "FeatureRow", "FeatureStore", "ShardRow"]

_JSON_WITHIN = 1 << 17
"""Bytes before an array in which its JSON is looked for."""
_READ_WHOLE = 1 << 19
"""Bytes up to which one read of a whole array takes less time than some of its parts."""
_LISTED = 100
"""Files that a name may fit before they are not counted any further."""


def _is_feature_store(folder: Path) -> bool:
    content = marker_content(folder / STORE_NAME)
    if content is None or not isinstance(content.get("fingerprints"), dict):
        return False
    require_version(content.get("format_version"), STORE_VERSION, folder / STORE_NAME)
    return True


FEATURE_STORE = FolderKind("feature store", _is_feature_store)
"""The kind of existing folder that `macaw extract-features` may write into."""


class FeatureStore:
    """A folder of features, opened for reading; of a remote store its local copy (see `remote_store`).

    Attributes:
        arrays: the arrays by position.
        shards: the finished shards.

    Raises:
        InputError: the folder is no feature store.
        DamagedError: a shard is missing, or has another size than the manifest says.
        MismatchError: a newer macaw wrote it.
    """

    def __init__(self, folder: Path, *, check_sizes: bool = True) -> None:
        self.folder = folder
        self.fingerprints = read_fingerprints(folder)
        self._index = ManifestIndex(folder / MANIFEST_NAME)
        self.shards: list[ShardRow] = self._index.shards
        record = read_record(folder)
        self._remote = RemoteShards(folder, record, self.shards) if record["url"] else None
        self.arrays = StoredArrays(folder, before_open=self._remote.bring if self._remote else None)
        if check_sizes and self._remote:
            self._remote.require_sizes()
        elif check_sizes:
            for shard in self.shards:
                verify_size(shard.path, shard.nbytes)

    @property
    def is_remote(self) -> bool:
        """Whether its shards are fetched when they are needed, by one process at a time."""
        return self._remote is not None

    def find(self, path_or_name: str, modality: Modality) -> FeatureRow | None:
        """The features of a file: by source path, by the unique end of one (such as its name), or by key.

        None also when several different media end that way: `why_missing` tells which case it is.
        """
        found: FeatureRow | None = None
        for row in self._candidates(path_or_name, modality):
            if found and row.key != found.key:
                return None
            found = found or row
        return found

    def why_missing(self, path_or_name: str, modality: Modality) -> str:
        """The reason, for people, why `find` gave None."""
        paths = sorted(row.path for row in islice(self._candidates(path_or_name, modality), _LISTED))
        if paths:
            count = f"{len(paths)}" if len(paths) < _LISTED else f"{_LISTED} or more"
            shown = ", ".join(paths[:3])
            return f"{path_or_name} fits {count} {modality} files ({shown}, ...): give more of its path"
        return f"{shown_place(self.folder)} has no {modality} features of {path_or_name}"

    def read(self, row: FeatureRow) -> np.ndarray:
        """The features: fp16, `row.shape`, read-only.

        Raises:
            DamagedError: the shard is missing, cut or holds something else there.
        """
        return self.arrays.array(row)

    def read_some(self, row: FeatureRow, count: int) -> np.ndarray:
        """At most `count` feature tokens of a medium, evenly spread; of a large one the others are not read.

        Returns:
            (tokens, channels), of the stored dtype; of video the tokens of all frames count as one row.

        Raises:
            DamagedError: the shard is missing or cut.
        """
        channels, item = row.shape[-1], np.dtype(row.dtype).itemsize
        tokens = prod(row.shape[:-1])
        if tokens <= count:
            return self.read(row).reshape(-1, channels)
        places = np.linspace(0, tokens - 1, count).astype(int)
        if row.nbytes <= _READ_WHOLE:
            return np.asarray(self.read(row).reshape(-1, channels)[places])
        start = row.offset + row.nbytes - prod(row.shape) * item  # behind the header
        found = np.empty((count, channels), row.dtype)
        for number, token in enumerate(places.tolist()):
            content = self.arrays.reads.bytes(row.shard.name, start + token * channels * item, channels * item)
            found[number] = np.frombuffer(content, row.dtype)
        return found

    def about(self, row: FeatureRow) -> dict[str, Any]:
        """What the shard tells of a medium beside its features, such as duration and frame times; {} if nothing.

        Raises:
            DamagedError: the shard is missing or cut.
        """
        before = max(0, min(row.offset - HEADER_BYTES, _JSON_WITHIN))
        content = self.arrays.reads.bytes(row.shard.name, max(0, row.offset - HEADER_BYTES - before), before)
        for start in range(before - HEADER_BYTES, -1, -HEADER_BYTES):  # a JSON stands right before its array
            name, size = member_name(content[start : start + HEADER_BYTES])
            if name == f"{row.key}.json":
                text = content[start + HEADER_BYTES : start + HEADER_BYTES + size]
                about = parse_json(text, f"{row.shard}, {name}", DamagedError)
                return about if isinstance(about, dict) else {}
        return {}

    def null_row(self, modality: Modality) -> FeatureRow | None:
        """The features of an all-zero input; None when the store has nothing of this modality."""
        return self._index.nulls.get(modality)

    def rows(self) -> Iterator[FeatureRow]:
        """Every source path with its features, in manifest order, without the null entries."""
        yield from self._index.rows()

    def spread(self, modality: Modality, count: int) -> list[FeatureRow]:
        """At most `count` rows of a modality, evenly spread over the store: a sample to look at."""
        return self._index.spread(modality, count)

    def copies(self, row: FeatureRow) -> list[str]:
        """Every source path with the content of `row`, its own included, sorted."""
        return sorted(other.path for other in self._index.of_key(row.key, row.modality))

    def verify(self) -> Iterator[tuple[ShardRow, DamagedError | None]]:
        """Reread every shard whole against its hash; yields each with what is wrong with it."""
        for shard in self.shards:
            try:
                if self._remote:
                    self._remote.bring_anew(shard.path.name)
                verify_shard(shard.path, shard.nbytes, shard.sha256)
                yield shard, None
            except DamagedError as error:
                yield shard, error

    def _candidates(self, path_or_name: str, modality: Modality) -> Iterator[FeatureRow]:
        wanted = path_or_name.removeprefix("./")
        exact = self._index.of_path(wanted, modality) or next(self._index.of_key(wanted, modality), None)
        if exact:
            yield exact
        else:  # a caption file may know more folders than the manifest, or fewer
            yield from self._index.ending(wanted, modality)


def read_fingerprints(folder: Path) -> dict[Modality, dict[str, Any]]:
    """The encoder fingerprint of each modality that a store has.

    Raises:
        InputError: the folder is no feature store.
        MismatchError: a newer macaw wrote it.
        DamagedError: its store.json is not what macaw writes.
    """
    if not (folder / STORE_NAME).is_file():
        problem = f"{folder} is not a feature store: it has no {STORE_NAME}."
        raise InputError(problem, "`macaw extract-features` makes one.")
    fingerprints: dict[Modality, dict[str, Any]] = read_store_file(folder / STORE_NAME)["fingerprints"]
    return fingerprints
