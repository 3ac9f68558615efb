"""What is kept of a job that was stopped in the middle: its shards so far, and how many of its batches are in them.

Beside `image-000003.tar.partial` stands `image-000003.partial.json`, which says where each batch ends in the former and
which rows it has. The next run goes on behind the last whole batch that it can use, with the same batches, so that the
finished shards have the same bytes as those of an undisturbed run.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import write_json
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import COUNT, HASH, SHARD_NAME, Fields, list_of, made_of, mapping_of
from macaw_cli.basics.working_files import remove_file
from macaw_cli.features.items import Item
from macaw_cli.features.journal import Job
from macaw_cli.modalities.table import Modality
from macaw_cli.shards.store_rows import REJECT, ROW_BEGUN
from macaw_cli.shards.tar_writer import PARTIAL_STATE_SUFFIX, PARTIAL_SUFFIX

_VERSION = 2
Row = dict[str, Any]
_COUNTS = mapping_of(COUNT)
_END = Fields({"items": COUNT, "digest": HASH, "positions": _COUNTS, "rows": _COUNTS, "rejects": COUNT})
_STATE = Fields({
    "format_version": COUNT, "batch": COUNT, "shards": mapping_of(SHARD_NAME), "encoders": mapping_of(HASH),
    "ends": list_of(_END), "rows": mapping_of(list_of(ROW_BEGUN)), "rejects": list_of(REJECT),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class BatchEnd:
    """What there is of a job when a batch is dealt with.

    Attributes:
        items: how many of its items are dealt with.
        digest: of these items.
        positions: bytes of each shard's unfinished file; 0 where it has not begun.
        rows: number of manifest rows of each modality.
        rejects: number of rows of what could not be used.
    """

    items: int
    digest: str
    positions: dict[str, int]
    rows: dict[str, int]
    rejects: int


@dataclass(frozen=True, slots=True)
class PartialJob:
    """The first batches of a job.

    Attributes:
        batch: of the job.
        shards: file names of its finished shards, by modality.
        encoders: fingerprint of the encoder of each modality.
        ends: of its batches, at least one; the last is the end of what follows.
        rows: manifest rows of each modality, without what only a finished shard knows.
        rejects: rows of what could not be used.
        format_version: of this file.
    """

    batch: int
    shards: dict[str, str]
    encoders: dict[str, str]
    ends: list[BatchEnd]
    rows: dict[str, list[Row]]
    rejects: list[Row]
    format_version: int = _VERSION

    @property
    def items(self) -> int:
        """How many of the job's items are dealt with; a whole number of batches."""
        return self.ends[-1].items

    @property
    def keys(self) -> set[str]:
        """Of the media whose features are kept."""
        return {row["key"] for rows in self.rows.values() for row in rows if row["path"]}

    @property
    def made(self) -> Counter[Modality]:
        """Number of media whose features are kept, per modality."""
        return Counter(
            {modality: len({row["key"] for row in rows if row["path"]}) for modality, rows in self.rows.items()}
        )

    def cut(self, batches: int) -> "PartialJob":
        """Its first `batches` batches."""
        end = self.ends[batches - 1]
        rows = {modality: rows[: end.rows[modality]] for modality, rows in self.rows.items()}
        return PartialJob(
            self.batch, self.shards, self.encoders, self.ends[:batches], rows, self.rejects[: end.rejects]
        )

    def save(self, folder: Path) -> None:
        """Write it down; the bytes that it speaks of must be on the disk."""
        write_json(_state_path(folder, self.shards), asdict(self))


class ItemsDigest:
    """Digest of the first items of a job, wherever their files are now; grows with them."""

    def __init__(self) -> None:
        self._digest, self._items = hashlib.sha256(), 0

    def up_to(self, items: list[Item], count: int) -> str:
        """Of the first `count` items; never fewer than before."""
        for item in items[self._items : count]:
            self._digest.update(json.dumps([item.key, item.modality, item.start, item.end, item.names]).encode())
        self._items = count
        return self._digest.hexdigest()


def partial_job(folder: Path, job: Job, encoders: dict[Any, str]) -> PartialJob | None:
    """What is kept of `job`: the batches that have its items, but not its last one.

    None where it was made in other batches or with other encoders. The last batch is always done again, so that a job
    which ends before what is kept (under another `--limit`) goes on as any other.
    """
    found = _read(_state_path(folder, job.shards))
    if found is None or found.batch != job.batch or found.shards != job.shards:
        return None
    if found.encoders != {modality: encoders[modality] for modality in job.shards}:
        return None
    digest, batches = ItemsDigest(), 0
    for end in found.ends:
        if end.items >= len(job.items) or end.digest != digest.up_to(job.items, end.items):
            break
        batches += 1
    if not batches:
        return None
    kept = found.cut(batches)
    there = all(
        not position or (folder / (kept.shards[modality] + PARTIAL_SUFFIX)).exists()
        for modality, position in kept.ends[-1].positions.items()
    )
    return kept if there else None


def forget_partial(folder: Path, job: Job) -> None:
    """Remove the state of a job that is finished, or begun anew."""
    remove_file(_state_path(folder, job.shards))


def kept_keys(folder: Path) -> set[str]:
    """Keys of everything that is kept of unfinished jobs."""
    return {key for state in _states(folder) for key in state.keys}


def retry_partial(folder: Path) -> int:
    """Keep of unfinished jobs only the batches before the first reject, so that the rejects are tried again.

    Returns:
        Number of media whose features are dropped with them.
    """
    dropped = 0
    for state in list(_states(folder)):
        batches = sum(not end.rejects for end in state.ends)
        if batches < len(state.ends):
            dropped += len(state.keys) - (len(state.cut(batches).keys) if batches else 0)
            if batches:
                state.cut(batches).save(folder)
            else:
                _remove(folder, state)
    return dropped


def remove_partial_without_job(folder: Path, jobs: Iterable[Job]) -> None:
    """Remove what is kept of jobs that are not among `jobs`, as those that were planned anew under a `--limit`.

    Only files that a state names are removed.

    Args:
        folder: of the store.
        jobs: of its journal; read only where something is kept.
    """
    without = list(_states(folder))
    if not without:
        return
    claimed: set[str] = set()
    for job in jobs:
        for state in [state for state in without if state.shards == job.shards]:
            without.remove(state)
            claimed.update(state.shards.values())
    for state in without:
        _remove(folder, state, but=claimed)


def _remove(folder: Path, state: PartialJob, but: Collection[str] = ()) -> None:
    for name in state.shards.values():
        if name not in but:
            remove_file(folder / (name + PARTIAL_SUFFIX))
    remove_file(_state_path(folder, state.shards))


def _state_path(folder: Path, shards: dict[Any, str]) -> Path:
    """Where the state of a job stands: beside its first shard."""
    first = next(iter(shards.values()))
    return folder / first.replace(".tar", PARTIAL_STATE_SUFFIX)


def _states(folder: Path) -> Iterator[PartialJob]:
    for path in sorted(folder.glob(f"*{PARTIAL_STATE_SUFFIX}")):
        if (state := _read(path)) is not None and path == _state_path(folder, state.shards):
            yield state


def _read(path: Path) -> PartialJob | None:
    with suppress(OSError, InputError):  # without it the job begins anew
        content = read_object(path, _STATE)
        if content["format_version"] == _VERSION and content["ends"] and content["shards"]:
            state = made_of(PartialJob, {**content, "ends": [made_of(BatchEnd, end) for end in content["ends"]]})
            return state if _is_consistent(state) else None
    return None


def _is_consistent(state: PartialJob) -> bool:
    """Whether each batch ends within what there is, for the same modalities."""
    modalities = state.shards.keys()
    if not modalities == state.encoders.keys() == state.rows.keys():
        return False
    return all(
        end.positions.keys() == end.rows.keys() == modalities
        and end.rejects <= len(state.rejects)
        and all(count <= len(state.rows[modality]) for modality, count in end.rows.items())
        for end in state.ends
    )
