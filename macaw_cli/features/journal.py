"""The journal: which item goes into which shard and which batch, written before any work.

One row of `journal.jsonl` is a *job*: at most `shard_items` items of one modality, and the shards that they make (a
film makes two: pictures and soundtrack). A job that was cut short is done again whole, with the same items in the same
batches, so its shards have the same bytes however often it was killed.
"""

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import append_jsonl, read_jsonl
from macaw_cli.config.settings import MODALITIES, Modality
from macaw_cli.features.items import Item

JOURNAL_NAME = "journal.jsonl"


@dataclass(frozen=True, slots=True)
class Job:
    """Items that are decoded, encoded in batches of `batch` and written together into `shards` (file names)."""

    number: int
    modality: Modality
    batch: int
    shards: dict[Modality, str]
    items: list[Item]

    def row(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return {"job": self.number, "modality": self.modality, "batch": self.batch, "shards": self.shards,
                "items": [item.row() for item in self.items]}  # fmt: skip


class Journal:
    """The jobs of a feature store, old ones first."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self.jobs = [_job(row) for row in read_jsonl(store / JOURNAL_NAME)]

    def planned(self) -> set[tuple[str, Modality]]:
        """Every key with every modality that some job makes or tried to make of it."""
        return {(item.key, modality) for job in self.jobs for item in job.items for modality in job.shards}

    def plan(self, wanted: Iterable[tuple[Item, tuple[Modality, ...]]], shard_items: int, batch: int) -> list[Job]:
        """Write jobs for new items and return them.

        Args:
            wanted: items, each with the modalities that are to be made of it.
            shard_items: items per job at most.
            batch: items (or frames) per encoder call.
        """
        groups: dict[tuple[Modality, tuple[Modality, ...]], list[Item]] = defaultdict(list)
        for item, outputs in wanted:
            groups[item.modality, outputs].append(self._portable(item))
        next_shard = {modality: self._next_shard(modality) for modality in MODALITIES}
        new: list[Job] = []
        for (modality, outputs), items in sorted(groups.items(), key=lambda group: MODALITIES.index(group[0][0])):
            for first in range(0, len(items), shard_items):
                shards = {}
                for output in outputs:
                    shards[output] = f"{output}-{next_shard[output]:06d}.tar"
                    next_shard[output] += 1
                number = len(self.jobs) + len(new)
                new.append(Job(number, modality, batch, shards, items[first : first + shard_items]))
        append_jsonl(self._store / JOURNAL_NAME, [job.row() for job in new])
        self.jobs += new
        return new

    def _next_shard(self, modality: Modality) -> int:
        return sum(modality in job.shards for job in self.jobs)

    def _portable(self, item: Item) -> Item:
        """Named from the store on, so that a workspace can be moved in the middle of the work."""
        row = item.row()
        row["file"] = os.path.relpath(item.file, self._store)
        return Item(**row)


def _job(row: dict[str, Any]) -> Job:
    items = [Item(**item) for item in row["items"]]
    return Job(row["job"], row["modality"], row["batch"], row["shards"], items)
