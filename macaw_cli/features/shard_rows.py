"""The shards of one job while they are being filled, and the manifest rows that they will have."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.config.settings import Modality
from macaw_cli.features.items import Item
from macaw_cli.features.journal import Job
from macaw_cli.features.sources.source import reject
from macaw_cli.shards.feature_store import NULL_KEY
from macaw_cli.shards.tar_writer import Member, ShardWriter

Row = dict[str, Any]
_FP16_MAX = 65504
_TOLD = ("duration", "heard", "seconds")
"""What the manifest repeats of a sample's JSON."""


@dataclass(slots=True)
class JobResult:
    """A finished job: its manifest rows, what it had to reject, and how many media it made per modality.

    Everything in it is JSON, so that it can come from another process or machine.
    """

    job: int
    rows: list[Row] = field(default_factory=list)
    rejects: list[Row] = field(default_factory=list)
    made: dict[Modality, int] = field(default_factory=dict)


class ShardsOfJob:
    """Used by one thread at a time: first `add` for every batch, then `finish`, or `abandon`."""

    def __init__(self, job: Job, folder: Path, digests: dict[Modality, str]) -> None:
        self._job, self._digests = job, digests
        self._shards = {modality: _Shard(folder / name) for modality, name in job.shards.items()}
        self.result = JobResult(job.number)

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
        for modality, shard in self._shards.items():
            self.result.rows += shard.finish(modality, self._job.number)
        return self.result

    def abandon(self) -> None:
        """Remove what is not finished."""
        for shard in self._shards.values():
            shard.abandon()


class _Shard:
    """One shard under way, begun with its first sample."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: ShardWriter | None = None
        self._rows: list[Row] = []

    def add(self, item: Item, feature: np.ndarray, meta: Row) -> None:
        about = {"sha256": item.sha256, "bytes": item.bytes, "start": item.start, "end": item.end, **meta}
        self._add(item.key, feature, {key: value for key, value in about.items() if value is not None})
        told = {key: meta[key] for key in _TOLD if key in meta}
        self._rows += [_row(name, item.key, feature, told) for name in item.names]

    def add_null(self, feature: np.ndarray, meta: Row) -> None:
        self._add(NULL_KEY, feature, meta)
        self._rows.append(_row("", NULL_KEY, feature, {}))

    def finish(self, modality: Modality, job: int) -> list[Row]:
        """Manifest rows, the shard's own last."""
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
        if self._writer is not None:
            self._writer.__exit__(None, None, None)

    def _add(self, key: str, feature: np.ndarray, meta: Row) -> None:
        if self._writer is None:
            self._writer = ShardWriter(self._path)
        self._writer.add({"__key__": key, "npy": feature, "json": meta})


def _row(name: str, key: str, feature: np.ndarray, meta: Row) -> Row:
    return {"path": name, "key": key, "modality": "", "shard": "", "offset": 0, "bytes": 0,
            "shape": list(feature.shape), "dtype": str(feature.dtype), "meta": meta}  # fmt: skip
