"""Where the rows of one job stand in a manifest, whenever it was done: pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Row = dict[str, Any]


def with_block(rows: Iterable[Row], job: int, block: list[Row], jobs: Mapping[str, int]) -> Iterator[Row]:
    """A manifest with the rows of one job put where they belong.

    Args:
        rows: the manifest: per job its rows, each shard's own after those of its media; then rows of copies.
        job: number of the job.
        block: its new rows. Older ones of its shards give way; copies follow their medium, or go with it.
        jobs: number of the job of every finished shard.
    """
    shards = {row["shard"] for row in block}
    new = {(row["key"], row["modality"]): row for row in block if "key" in row}
    placed, ended = False, set()
    for row in rows:
        of_job = row["shard"] in shards
        if not placed and (of_job or jobs.get(row["shard"], job) > job):
            yield from block
            placed = True
        if not of_job:
            yield row
        elif "sha256" in row:
            ended.add(row["shard"])
        elif row["shard"] in ended and (medium := new.get((row["key"], row["modality"]))):
            yield {**medium, "path": row["path"]}
    if not placed:
        yield from block
