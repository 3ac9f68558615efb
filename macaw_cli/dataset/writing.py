"""Writing the shards into the building folder, each whole with its part of the index, never one twice."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import append_jsonl
from macaw_cli.basics.child_side import end_with_parent
from macaw_cli.basics.errors import ResourceError
from macaw_cli.basics.threads import usable_cores
from macaw_cli.basics.typed_files import iterate_objects
from macaw_cli.basics.typed_rows import COUNT, HASH, SHARD_NAME, Fields
from macaw_cli.dataset.feature_join import FeatureStores
from macaw_cli.dataset.layout import PlannedShard
from macaw_cli.dataset.preparing import Prepared
from macaw_cli.dataset.scratch.media_table import Medium
from macaw_cli.dataset.shard_work import ShardWork, array_place, entry_of, index_part
from macaw_cli.modalities.table import MODALITIES
from macaw_cli.shards.stored_arrays import StoredArrays
from macaw_cli.shards.tar_writer import write_shard

JOURNAL_NAME = "journal.jsonl"
SHARD_ENTRY = Fields({"name": SHARD_NAME, "bytes": COUNT, "sha256": HASH, "samples": COUNT, "conversations": COUNT})
NULL_SHARD = "null-000000.tar"
WORTH_A_PROCESS = 100_000_000
"""Bytes of shards from which on another process is faster, although it takes a second to start."""
MOST_PROCESSES = 16

Advance = Callable[[int, str], None]


def write_shards(prepared: Prepared, folder: Path, workers: int | None, advance: Advance) -> list[dict[str, Any]]:
    """Write all shards that an earlier, interrupted call has not written yet.

    Args:
        prepared: the build; must be the same in every call on one folder.
        folder: the building folder.
        workers: how many processes write; None takes one per core. Their number changes no byte.
        advance: progress, counted in samples.

    Returns:
        One entry per shard for `dataset.json`: name, bytes, sha256 and counts.

    Raises:
        DamagedError: a feature shard is missing or cut.
        ResourceError: a process was ended by the system.
    """
    journal = folder / JOURNAL_NAME
    done = {entry["name"]: entry for entry in iterate_objects(journal, SHARD_ENTRY) if _is_there(folder, entry)}
    left = [shard for shard in prepared.shards if shard.name not in done]
    for shard in prepared.shards:
        if shard.name in done:
            advance(shard.samples, shard.name)
    for shard, entry in _written(prepared, left, folder, _processes(prepared, left, workers)):
        append_jsonl(journal, [entry])
        done[shard.name] = entry
        advance(shard.samples, shard.name)
    return [done[shard.name] for shard in prepared.shards]


def _processes(prepared: Prepared, shards: Sequence[PlannedShard], workers: int | None) -> int:
    if any(store.is_remote for store in prepared.stores.stores):  # shards are fetched by one process
        return 1
    worth = sum(shard.nbytes for shard in shards) // WORTH_A_PROCESS
    return max(1, min(workers or usable_cores(), MOST_PROCESSES, len(shards), worth))


def _written(
    prepared: Prepared, shards: Sequence[PlannedShard], folder: Path, processes: int
) -> Iterator[tuple[PlannedShard, dict[str, Any]]]:
    if processes == 1:
        with closing(ShardWork(prepared.folder, folder, [store.arrays for store in prepared.stores.stores])) as work:
            for shard in shards:
                yield shard, work.write(shard)
        return
    begin = (prepared.folder, folder, [store.folder for store in prepared.stores.stores], os.getpid())
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=_begin_worker, initargs=begin) as pool:
        futures = {pool.submit(_write_in_worker, shard): shard for shard in shards}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:
            raise ResourceError(
                "A process that wrote shards was ended by the system, perhaps because memory ran out.",
                "Type the same command again; it goes on. Use fewer with --set dataset.workers=1.",
            ) from None
        finally:
            for future in futures:
                future.cancel()


_work_of_worker: list[ShardWork] = []


def _begin_worker(scratch: Path, folder: Path, stores: Sequence[Path], parent: int) -> None:
    end_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process hears it too, and ends the pool
    _work_of_worker.append(ShardWork(scratch, folder, [StoredArrays(store) for store in stores]))


def _write_in_worker(shard: PlannedShard) -> dict[str, Any]:
    return _work_of_worker[0].write(shard)


def _is_there(folder: Path, entry: dict[str, Any]) -> bool:
    """Whether the journal's shard is; without its files it is written again."""
    shard = folder / entry["name"]
    return shard.is_file() and shard.stat().st_size == entry["bytes"] and index_part(folder, shard.name).is_file()


def write_null_entries(stores: FeatureStores, folder: Path) -> tuple[dict[str, Any] | None, dict[str, dict[str, Any]]]:
    """Copy the encoders' features of an all-zero input, one per modality.

    Returns:
        The shard's entry for `dataset.json` (None without any), and the place of each modality's array.
    """
    nulls = {
        modality: Medium(number, row)
        for modality in MODALITIES
        for number, store in reversed(list(enumerate(stores.stores)))
        if (row := store.null_row(modality))
    }
    if not nulls:
        return None, {}
    samples = (
        {"__key__": f"null-{name}", f"{name}.npy": stores.stores[medium.store].arrays.npy(medium.row)}
        for name, medium in nulls.items()
    )
    written = write_shard(folder / NULL_SHARD, samples)
    places: dict[str, dict[str, Any]] = {
        modality: {"shard": NULL_SHARD, **array_place(medium, written.members[f"null-{modality}.{modality}.npy"])}
        for modality, medium in nulls.items()
    }
    return entry_of(written, samples=len(nulls), conversations=0), places
