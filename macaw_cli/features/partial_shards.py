"""What is kept of a job that was stopped in the middle: its shards so far, and how many of its batches are in them.

Beside `image-000003.tar.partial` stands `image-000003.partial.json`, which says up to which byte the former is good and
which rows it has. The next run goes on behind the last whole batch, with the same batches, so that the finished shards
have the same bytes as those of an undisturbed run.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import read_json, write_json
from macaw_cli.basics.errors import DamagedError
from macaw_cli.features.items import Item
from macaw_cli.features.journal import Job

PARTIAL_SUFFIX = ".partial"
_STATE_SUFFIX = ".partial.json"
_VERSION = 1
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PartialJob:
    """The first batches of a job.

    Attributes:
        items: how many of its items are dealt with; a whole number of batches.
        batch: of the job.
        digest: of these items.
        encoders: fingerprint of the encoder of each modality.
        positions: bytes of each shard's unfinished file; 0 where it has not begun.
        rows: manifest rows of each modality, without what only a finished shard knows.
        rejects: rows of what could not be used.
        format_version: of this file.
    """

    items: int
    batch: int
    digest: str
    encoders: dict[str, str]
    positions: dict[str, int]
    rows: dict[str, list[Row]]
    rejects: list[Row]
    format_version: int = _VERSION

    @property
    def keys(self) -> set[str]:
        """Of the media whose features are kept."""
        return {row["key"] for rows in self.rows.values() for row in rows if row["path"]}

    def save(self, folder: Path, job: Job) -> None:
        """Write it down; the bytes that it speaks of must be on the disk."""
        write_json(state_path(folder, job), asdict(self))


def state_path(folder: Path, job: Job) -> Path:
    """Where the state of a job stands: beside its first shard."""
    first = next(iter(job.shards.values()))
    return folder / first.replace(".tar", _STATE_SUFFIX)


def partial_job(folder: Path, job: Job, encoders: dict[Any, str]) -> PartialJob | None:
    """What is kept of `job`, unless it was made of other items, in other batches or with other encoders."""
    found = _read(state_path(folder, job))
    if found is None or found.batch != job.batch or not 0 < found.items < len(job.items):
        return None
    if found.encoders != {modality: encoders[modality] for modality in job.shards}:
        return None
    if found.digest != digest_of(job.items[: found.items]):
        return None
    there = all(
        not position or (folder / (job.shards[modality] + PARTIAL_SUFFIX)).exists()  # type: ignore[index]
        for modality, position in found.positions.items()
    )
    return found if there else None


def forget_partial(folder: Path, job: Job) -> None:
    """Remove the state of a job that is finished, or begun anew."""
    state_path(folder, job).unlink(missing_ok=True)


def kept_keys(folder: Path) -> set[str]:
    """Keys of everything that is kept of unfinished jobs."""
    states = (_read(path) for path in _states(folder))
    return {key for state in states if state is not None for key in state.keys}


def digest_of(items: list[Item]) -> str:
    """Of what the items are, wherever their files are now."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(json.dumps([item.key, item.modality, item.start, item.end, item.names]).encode())
    return digest.hexdigest()


def _states(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob(f"*{_STATE_SUFFIX}"))


def _read(path: Path) -> PartialJob | None:
    try:
        content = read_json(path)
        return PartialJob(**content) if content["format_version"] == _VERSION else None
    except (OSError, DamagedError, TypeError, KeyError):
        return None  # without it the job begins anew
