"""The work itself: decoders ahead in their processes, batches through the encoders, samples into shards."""

import os
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from macaw_cli.basics import console
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.fingerprints import fingerprint
from macaw_cli.config.settings import Modality
from macaw_cli.features.items import Item
from macaw_cli.features.journal import Job
from macaw_cli.features.sources import reject
from macaw_cli.features.store_files import Row, StoreFiles
from macaw_cli.media.decoder_pool import DecoderPool
from macaw_cli.media.decoding import Decoded
from macaw_cli.shards.feature_store import NULL_KEY
from macaw_cli.shards.tar_writer import Member, ShardWriter

if TYPE_CHECKING:
    from macaw_cli.features.encoding import Encoders

_AHEAD_PER_WORKER = 4
"""Files that each decoder may be ahead of the batch in work; bounds the memory."""
_FP16_MAX = 65504
_Usable = tuple[Item, Decoded]


@dataclass(slots=True)
class Clock:
    """Where the time of the main process goes, in seconds by stage."""

    seconds: dict[str, float] = field(default_factory=lambda: {"decode": 0.0, "encode": 0.0, "write": 0.0})
    _since: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        """Forget the time since the last stage: it belongs to none."""
        self._since = time.monotonic()

    def spent(self, stage: str) -> None:
        """Count the time since the last call to `stage`."""
        now = time.monotonic()
        self.seconds[stage] += now - self._since
        self._since = now

    def shares(self) -> str:
        """For people: waiting for decoders, encoding, writing."""
        total = sum(self.seconds.values()) or 1.0
        return ", ".join(f"{stage} {100 * spent / total:.0f} %" for stage, spent in self.seconds.items())


class Pipeline:
    """Runs jobs one after another; the decoders work ahead across their borders."""

    def __init__(self, encoders: "Encoders", store: StoreFiles, pool: DecoderPool) -> None:
        self._encoders, self._store, self._pool = encoders, store, pool
        self.clock = Clock()
        self.made: dict[Modality, int] = {}
        self.rejected = 0

    def run(self, jobs: list[Job]) -> None:
        """Do `jobs` in order; each is committed when its shards are whole."""
        total = sum(len(job.items) for job in jobs)
        self.clock.start()
        with console.progress("Extracting features", total, "files") as advance:
            decoded = self._decode_ahead(jobs)
            for job in jobs:
                self._run_job(job, islice(decoded, len(job.items)), advance)

    def _decode_ahead(self, jobs: list[Job]) -> "Iterator[tuple[Item, Future[Decoded]]]":
        ahead: deque[tuple[Item, Future[Decoded]]] = deque()
        for job in jobs:
            bound = _media_per_batch(job, self._encoders) + _AHEAD_PER_WORKER * self._pool.workers
            for item in job.items:
                while len(ahead) >= bound:
                    yield ahead.popleft()
                file = os.path.normpath(self._store.folder / item.file)
                clip = item.start, item.end
                request = self._encoders.request(file, job.modality, job.shards, clip)
                ahead.append((item, self._pool.submit(request)))
        yield from ahead

    def _run_job(self, job: Job, decoded: "Iterator[tuple[Item, Future[Decoded]]]", advance: Any) -> None:
        writers = {modality: _ShardOfJob(self._store.folder / name) for modality, name in job.shards.items()}
        rejects: list[Row] = []
        try:
            self._write_nulls(job, writers)
            while batch := list(islice(decoded, _media_per_batch(job, self._encoders))):
                usable = self._results(batch, rejects)
                for modality, writer in writers.items():
                    self._encode_and_write(job, modality, usable, writer, rejects)
                advance(len(batch), f"({self.clock.shares()})")
            rows = [row for modality, writer in writers.items() for row in writer.finish(modality, job.number)]
        finally:
            for writer in writers.values():
                writer.abandon()
        self._store.commit(rows, rejects)
        self.rejected += len(rejects)
        self.clock.spent("write")

    def _results(self, batch: "list[tuple[Item, Future[Decoded]]]", rejects: list[Row]) -> list[_Usable]:
        usable = []
        for item, future in batch:
            try:
                usable.append((item, future.result()))
            except InputError as error:
                file = os.path.normpath(self._store.folder / item.file)
                reason = error.problem.replace(f"{file} ", "It ", 1).replace(file, Path(file).name)
                rejects.extend(reject(name, item.modality, reason, item.key) for name in item.names)
        for item, (meta, _) in usable:
            if "soundtrack" in meta:
                rejects.extend(reject(name, "audio", meta["soundtrack"], item.key) for name in item.names)
        self.clock.spent("decode")
        return usable

    def _encode_and_write(
        self, job: Job, modality: Modality, usable: list[_Usable], writer: "_ShardOfJob", rejects: list[Row]
    ) -> None:
        found = [(item, meta, arrays[modality]) for item, (meta, arrays) in usable if modality in arrays]
        if not found:
            return
        features = self._encoders.encode(modality, [array for _, _, array in found], job.batch)
        self.clock.spent("encode")
        digest = fingerprint(self._encoders.fingerprints[modality])
        for (item, meta, _), feature in zip(found, features, strict=True):
            if np.isfinite(feature).all():
                writer.add(item, feature, {**meta, "encoder": digest})
                self.made[modality] = self.made.get(modality, 0) + 1
            else:
                reason = f"Its features have values beyond {_FP16_MAX}, which fp16 cannot hold."
                rejects.extend(reject(name, modality, reason, item.key) for name in item.names)
        self.clock.spent("write")

    def _write_nulls(self, job: Job, writers: "dict[Modality, _ShardOfJob]") -> None:
        for modality, writer in writers.items():
            if job.shards[modality].endswith("-000000.tar"):
                digest = fingerprint(self._encoders.fingerprints[modality])
                writer.add_null(self._encoders.null(modality), {"null": True, "encoder": digest})


class _ShardOfJob:
    """One shard under way, with the manifest rows that it will have; begun with its first sample."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: ShardWriter | None = None
        self._rows: list[Row] = []

    def add(self, item: Item, feature: np.ndarray, meta: Row) -> None:
        """Append the features of one item."""
        about = {"sha256": item.sha256, "bytes": item.bytes, "start": item.start, "end": item.end, **meta}
        self._add(item.key, feature, {key: value for key, value in about.items() if value is not None})
        told = {key: meta[key] for key in ("duration",) if key in meta}
        self._rows += [_row(name, item.key, feature, told) for name in item.names]

    def add_null(self, feature: np.ndarray, meta: Row) -> None:
        """Append the features of an all-zero input."""
        self._add(NULL_KEY, feature, meta)
        self._rows.append(_row("", NULL_KEY, feature, {}))

    def finish(self, modality: Modality, job: int) -> list[Row]:
        """Close the shard and return its manifest rows, the shard's own last."""
        if self._writer is None:
            return [{"shard": self._path.name, "job": job, "bytes": 0, "sha256": "", "items": 0}]
        written = self._writer.finish()
        for row in self._rows:
            member: Member = written.members[f"{row['key']}.npy"]
            row |= {"modality": modality, "shard": self._path.name, "offset": member.offset, "bytes": member.nbytes}
        items = len({row["key"] for row in self._rows})
        return [*self._rows, {"shard": self._path.name, "job": job, "bytes": written.nbytes,
                              "sha256": written.sha256, "items": items}]  # fmt: skip

    def abandon(self) -> None:
        """Remove what is not finished."""
        if self._writer is not None:
            self._writer.__exit__(None, None, None)

    def _add(self, key: str, feature: np.ndarray, meta: Row) -> None:
        if self._writer is None:
            self._writer = ShardWriter(self._path)
        self._writer.add({"__key__": key, "npy": feature, "json": meta})


def _row(name: str, key: str, feature: np.ndarray, meta: Row) -> Row:
    return {"path": name, "key": key, "modality": "", "shard": "", "offset": 0, "bytes": 0,
            "shape": list(feature.shape), "dtype": str(feature.dtype), "meta": meta}  # fmt: skip


def _media_per_batch(job: Job, encoders: "Encoders") -> int:
    return max(1, job.batch // encoders.frames) if job.modality == "video" else job.batch
