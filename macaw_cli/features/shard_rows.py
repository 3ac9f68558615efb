"""The shards of one job while they are being filled, and the manifest rows that they will have."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.basics.errors import DamagedError
from macaw_cli.features.items import Item
from macaw_cli.features.journal import Job
from macaw_cli.features.partial_shards import BatchEnd, ItemsDigest, PartialJob, forget_partial, partial_job
from macaw_cli.features.source import reject
from macaw_cli.modalities.table import Modality
from macaw_cli.shards.feature_store import NULL_KEY
from macaw_cli.shards.tar_writer import PARTIAL_SUFFIX, Member, ShardWriter

Row = dict[str, Any]
_FP16_MAX = 65504
_TOLD = ("duration", "heard", "seconds", "warning")
"""What the manifest repeats of a sample's JSON."""
_SAVE_EVERY_S = 30.0
"""So much work is lost at most when the process is killed."""


@dataclass(slots=True)
class JobResult:
    """A finished job: its manifest rows, what it had to reject, and how many media it made per modality.

    `kept` is the number of its items that a run before this one had dealt with; `made` does not count them.
    Everything in it is JSON, so that it can come from another process or machine.
    """

    job: int
    rows: list[Row] = field(default_factory=list)
    rejects: list[Row] = field(default_factory=list)
    made: dict[Modality, int] = field(default_factory=dict)
    kept: int = 0


class ShardsOfJob:
    """Used by one thread at a time: first `add` for every batch, then `finish`, or `abandon`.

    Goes on where an earlier run of the same job was stopped: `kept` of its items are dealt with already.
    """

    def __init__(self, job: Job, folder: Path, digests: dict[Modality, str]) -> None:
        self.job, self._folder, self._digests = job, folder, digests
        self._saved_at = time.monotonic()
        self.result = JobResult(job.number)
        self._digest = ItemsDigest()
        self._ends: list[BatchEnd] = []
        self._shards = {modality: _Shard(folder / name) for modality, name in job.shards.items()}
        state = partial_job(folder, job, digests)
        if state is None or not self._goes_on(state):
            forget_partial(folder, job)
        self._saved = len(self._ends)
        """Batches that are saved."""

    def _goes_on(self, state: PartialJob) -> bool:
        state.save(self._folder)  # before its shards are cut back to it
        try:
            for modality, shard in self._shards.items():
                shard.go_on(state.ends[-1].positions[modality], state.rows[modality])
        except (DamagedError, OSError):
            for shard in self._shards.values():
                shard.abandon(keep=False)
            self._shards = {modality: _Shard(self._folder / name) for modality, name in self.job.shards.items()}
            return False
        self.result.rejects += state.rejects
        self.result.kept = state.items
        self._ends += state.ends
        return True

    @property
    def kept(self) -> int:
        """Items of the job that an earlier run has dealt with."""
        return self.result.kept

    def batch_done(self, items: int) -> None:
        """The first so many items are dealt with; now and then, see to it that a kill does not cost them."""
        if items >= len(self.job.items):
            return  # `finish` comes next
        end = BatchEnd(
            items=items,
            digest=self._digest.up_to(self.job.items, items),
            positions={modality: shard.position for modality, shard in self._shards.items()},
            rows={modality: len(shard.rows) for modality, shard in self._shards.items()},
            rejects=len(self.result.rejects),
        )
        self._ends.append(end)
        if time.monotonic() - self._saved_at >= _SAVE_EVERY_S:
            self._save()

    def _save(self) -> None:
        if len(self._ends) == self._saved:
            return
        for shard in self._shards.values():
            shard.sync()
        state = PartialJob(
            batch=self.job.batch,
            shards={str(modality): name for modality, name in self.job.shards.items()},
            encoders={modality: self._digests[modality] for modality in self.job.shards},
            ends=self._ends,
            rows={modality: shard.rows for modality, shard in self._shards.items()},
            rejects=self.result.rejects,
        )
        state.cut(len(self._ends)).save(self._folder)  # without what a batch that was cut short has left
        self._saved, self._saved_at = len(self._ends), time.monotonic()

    def add_null(self, modality: Modality, feature: np.ndarray) -> None:
        """The features of an all-zero input, which open a modality's first shard."""
        self._shards[modality].add_null(feature, {"null": True, "encoder": self._digests[modality]})

    def add(self, modality: Modality, item: Item, meta: Row, feature: np.ndarray) -> None:
        """The features of one item, fp16; refused when fp16 could not hold them."""
        if not np.isfinite(feature).all():
            self.refuse(item, modality, f"Its features have values beyond {_FP16_MAX}, which fp16 cannot hold.")
            return
        self._shards[modality].add(item, feature, {**meta, "encoder": self._digests[modality]})
        self.result.made[modality] = self.result.made.get(modality, 0) + 1

    def refuse(self, item: Item, modality: Modality, reason: str, *, passing: bool = False) -> None:
        """Note why nothing of this modality is made of an item; without its key when that may be over at the next run.

        Only what is rejected with its key is left alone by later runs.
        """
        key = None if passing else item.key
        self.result.rejects.extend(reject(name, modality, reason, key) for name in item.names)

    def finish(self) -> JobResult:
        """Close the shards: on the disk, read back, renamed."""
        del self._ends[self._saved :]  # what is closed cannot be saved any more, should this or what follows fail
        for modality, shard in self._shards.items():
            self.result.rows += shard.finish(modality, self.job.number)
        forget_partial(self._folder, self.job)
        return self.result

    def abandon(self) -> None:
        """Keep the batches that are whole, for the next run; remove what is not finished where there are none."""
        with suppress(OSError):  # the disk may be full; what was saved before stays good
            self._save()
        for shard in self._shards.values():
            shard.abandon(keep=self._saved > 0)


class _Shard:
    """One shard under way, begun with its first sample."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: ShardWriter | None = None
        self.rows: list[Row] = []

    @property
    def position(self) -> int:
        return self._writer.position if self._writer else 0

    def go_on(self, position: int, rows: list[Row]) -> None:
        if position:
            self._writer = ShardWriter(self._path, suffix=PARTIAL_SUFFIX, resume_at=position)
            if self._writer.keys != {row["key"] for row in rows}:
                raise DamagedError(f"{self._path}{PARTIAL_SUFFIX} does not hold the samples listed in its state file.")
        self.rows = list(rows)

    def sync(self) -> None:
        if self._writer is not None:
            self._writer.sync()

    def add(self, item: Item, feature: np.ndarray, meta: Row) -> None:
        about = {"sha256": item.sha256, "bytes": item.bytes, "start": item.start, "end": item.end, **meta}
        self._add(item.key, feature, {key: value for key, value in about.items() if value is not None})
        told = {key: meta[key] for key in _TOLD if key in meta}
        self.rows += [_row(name, item.key, feature, told) for name in item.names]

    def add_null(self, feature: np.ndarray, meta: Row) -> None:
        self._add(NULL_KEY, feature, meta)
        self.rows.append(_row("", NULL_KEY, feature, {}))

    def finish(self, modality: Modality, job: int) -> list[Row]:
        """Manifest rows, the shard's own last."""
        if self._writer is None:
            return [{"shard": self._path.name, "job": job, "bytes": 0, "sha256": "", "items": 0}]
        written = self._writer.finish()
        for row in self.rows:
            member: Member = written.members[f"{row['key']}.npy"]
            row |= {"modality": modality, "shard": self._path.name, "offset": member.offset, "bytes": member.nbytes}
        items = len({row["key"] for row in self.rows})
        return [*self.rows, {"shard": self._path.name, "job": job, "bytes": written.nbytes,
                              "sha256": written.sha256, "items": items}]  # fmt: skip

    def abandon(self, *, keep: bool) -> None:
        if self._writer is None:
            return
        if keep:
            with suppress(OSError):  # what is good of it is on the disk already
                self._writer.suspend()
        self._writer.__exit__(None, None, None)

    def _add(self, key: str, feature: np.ndarray, meta: Row) -> None:
        if self._writer is None:
            self._writer = ShardWriter(self._path, suffix=PARTIAL_SUFFIX)
        self._writer.add({"__key__": key, "npy": feature, "json": meta})


def _row(name: str, key: str, feature: np.ndarray, meta: Row) -> Row:
    return {"path": name, "key": key, "modality": "", "shard": "", "offset": 0, "bytes": 0,
            "shape": list(feature.shape), "dtype": str(feature.dtype), "meta": meta}  # fmt: skip
