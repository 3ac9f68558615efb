"""The journal: which item goes into which shard and which batch, written before any work.

One row of `journal.jsonl` is a *job*: at most `shard_items` items of one modality, and the shards that they make (a
video makes two: one of its frames, one of its soundtrack). A job that was cut short goes on behind the batches that are
kept of it (`partial_shards.py`), with the same items in the same batches, so its shards have the same bytes however
often it was killed.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import append_jsonl, write_jsonl
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.typed_files import iterate_objects
from macaw_cli.basics.typed_rows import (
    COUNT,
    HASH,
    NUMBER,
    SHARD_NAME,
    TEXT,
    TEXTS,
    Fields,
    list_of,
    mapping_of,
    one_of,
)
from macaw_cli.basics.urls import is_url
from macaw_cli.basics.working_files import kind_of
from macaw_cli.features.items import Item
from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.shards.feature_store import NULL_KEY
from macaw_cli.shards.tar_reader import HEADER_BYTES, member_name

JOURNAL_NAME = "journal.jsonl"
_OWN_MEMBER = re.compile(rf"([0-9a-f]{{32}}|{NULL_KEY})\.(json|npy)")
_ITEM = Fields(
    {"key": HASH, "modality": one_of(MODALITIES), "sha256": HASH, "bytes": COUNT, "file": TEXT, "names": TEXTS},
    {"start": NUMBER, "end": NUMBER, "offset": COUNT},
)
_ITEM_KEYS = ("key", "modality", "sha256", "bytes", "file", "names", "start", "end", "offset")
JOB = Fields(
    {"job": COUNT, "modality": one_of(MODALITIES), "batch": COUNT, "shards": mapping_of(SHARD_NAME),
     "items": list_of(_ITEM)}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Job:
    """Items that are decoded, encoded in batches of `batch` and written together into `shards` (file names).

    `kept` is the number of its items that a run before this one has dealt with; the journal does not say it.
    """

    number: int
    modality: Modality
    batch: int
    shards: dict[Modality, str]
    items: list[Item]
    kept: int = 0

    def row(self) -> dict[str, Any]:
        """The form in which the journal keeps it."""
        return {"job": self.number, "modality": self.modality, "batch": self.batch, "shards": self.shards,
                "items": [item.row() for item in self.items]}  # fmt: skip

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "Job":
        """The job that `row` described."""
        items = [Item(**{name: value for name, value in item.items() if name in _ITEM_KEYS}) for item in row["items"]]
        return cls(row["job"], row["modality"], row["batch"], row["shards"], items)


class Journal:
    """The jobs of a feature store, old ones first. `read` must have run to its end before `add`."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._jobs = 0
        self._shards: Counter[Modality] = Counter()

    def read(self) -> Iterator[Job]:
        """Every job, one after another."""
        for row in iterate_objects(self._store / JOURNAL_NAME, JOB):
            job = Job.from_row(row)
            self._count(job)
            yield job

    @property
    def jobs(self) -> int:
        """How many jobs it holds."""
        return self._jobs

    def add(self, modality: Modality, outputs: tuple[Modality, ...], items: list[Item], batch: int) -> Job:
        """Write down a new job; when this returns it stands on the disk.

        Raises:
            InputError: a file of a new shard's name is there, which is no shard of macaw's.
        """
        shards: dict[Modality, str] = {output: f"{output}-{self._shards[output]:06d}.tar" for output in outputs}
        for name in shards.values():
            _require_no_stranger(self._store / name)
        job = Job(self._jobs, modality, batch, shards, [self._portable(item) for item in items])
        append_jsonl(self._store / JOURNAL_NAME, [job.row()])
        self._count(job)
        return job

    def withdraw(self, jobs: list[Job]) -> None:
        """Take the last jobs back, of which nothing is made."""
        if jobs:
            first = self._jobs - len(jobs)
            rows = (row for row in iterate_objects(self._store / JOURNAL_NAME, JOB) if row["job"] < first)
            write_jsonl(self._store / JOURNAL_NAME, rows)
            self._jobs = first
            for job in jobs:
                self._shards.subtract(job.shards.keys())

    def _count(self, job: Job) -> None:
        self._jobs += 1
        self._shards.update(job.shards.keys())

    def _portable(self, item: Item) -> Item:
        """Named from the store on, so that a workspace can be moved in the middle of the work; a URL stays one."""
        return item if is_url(item.file) else replace(item, file=os.path.relpath(item.file, self._store))


def _require_no_stranger(shard: Path) -> None:
    """A shard that a killed run has finished may lie there; its first member tells it from any other tar."""
    found = kind_of(shard)
    if not found:
        return
    if found == "a file":
        with shard.open("rb") as content:
            name, _ = member_name(content.read(HEADER_BYTES))
        if _OWN_MEMBER.fullmatch(name):
            return
        found = "a file that macaw did not make"
    problem = f"{shard} would be overwritten, and is {found}."
    raise InputError(problem, "Move it away and run the same command again, or name another --out.")
