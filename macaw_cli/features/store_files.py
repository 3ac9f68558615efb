"""The files of a feature store while it is being written: `store.json`, `manifest.jsonl` and `rejects.jsonl`.

The manifest is the truth: a job is done when the rows of all its shards stand in it.
"""

from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import append_jsonl, read_json, read_jsonl, write_json, write_jsonl
from macaw_cli.basics.errors import DamagedError, MismatchError
from macaw_cli.basics.fingerprints import fingerprint, fingerprint_difference, require_version
from macaw_cli.config.settings import Modality
from macaw_cli.features.journal import Job
from macaw_cli.shards.feature_store import MANIFEST_NAME, NULL_KEY, STORE_NAME, STORE_VERSION
from macaw_cli.shards.tar_reader import verify_size

REJECTS_NAME = "rejects.jsonl"
Row = dict[str, Any]


class StoreFiles:
    """What the store holds so far, and the only way to add to it."""

    def __init__(self, folder: Path, fingerprints: dict[Modality, Row]) -> None:
        self.folder = folder
        self._agree_on(fingerprints)
        self.rows: list[Row] = read_jsonl(folder / MANIFEST_NAME)
        self.rejects: list[Row] = read_jsonl(folder / REJECTS_NAME)

    def pending(self, jobs: list[Job]) -> list[Job]:
        """Jobs with a shard that is not in the manifest, or whose file is missing or cut; their rows are dropped."""
        sizes = {row["shard"]: row["bytes"] for row in self.rows if "sha256" in row}
        pending = [job for job in jobs if not all(self._whole(shard, sizes) for shard in job.shards.values())]
        dropped = {shard for job in pending for shard in job.shards.values()}
        kept = [row for row in self.rows if row["shard"] not in dropped]
        if len(kept) != len(self.rows):
            write_jsonl(self.folder / MANIFEST_NAME, kept)
            self.rows = kept
        return pending

    def commit(self, rows: list[Row], rejects: list[Row]) -> None:
        """Add the rows of one finished job, its shards' own rows last, and the inputs it had to reject."""
        made = {(row["path"], row["modality"]) for row in rows if "key" in row}
        self.set_rejects([row for row in self.rejects if (row["path"], row["modality"]) not in made] + rejects)
        append_jsonl(self.folder / MANIFEST_NAME, rows)
        self.rows += rows

    def set_rejects(self, rejects: list[Row]) -> None:
        """Replace the list of rejects; a later row about the same file replaces the earlier one."""
        latest = list({(row["path"], row["modality"]): row for row in rejects}.values())
        if latest != self.rejects:
            write_jsonl(self.folder / REJECTS_NAME, latest)
            self.rejects = latest

    def restore_order(self, jobs: list[Job]) -> None:
        """Bring the rows into the order of the jobs, which a repaired shard has disturbed."""
        position = {shard: job.number for job in jobs for shard in job.shards.values()}
        ordered = sorted(self.rows, key=lambda row: position[row["shard"]])
        if ordered != self.rows:
            write_jsonl(self.folder / MANIFEST_NAME, ordered)
            self.rows = ordered

    def media_rows(self) -> dict[tuple[str, Modality], Row]:
        """One row per key and modality."""
        return {(row["key"], row["modality"]): row for row in self.rows if "key" in row and row["key"] != NULL_KEY}

    def by_name(self) -> dict[tuple[str, Modality], str]:
        """The key that each source path has now, per modality."""
        return {(row["path"], row["modality"]): row["key"] for row in self.rows if "key" in row}

    def _agree_on(self, fingerprints: dict[Modality, Row]) -> None:
        path = self.folder / STORE_NAME
        new: Row = {"format_version": STORE_VERSION, "fingerprints": {}}
        store: Row = read_json(path) if path.exists() else new
        require_version(store.get("format_version"), STORE_VERSION, path)
        stored = store["fingerprints"]
        for modality, found in fingerprints.items():
            if modality in stored:
                _require_same(self.folder, modality, stored[modality], found)
        if any(modality not in stored for modality in fingerprints):
            write_json(path, {**store, "fingerprints": {**fingerprints, **stored}})

    def _whole(self, shard: str, sizes: dict[str, int]) -> bool:
        try:
            if sizes.get(shard) != 0:  # a job that rejected everything has a row, but no file
                verify_size(self.folder / shard, sizes.get(shard, -1))
        except DamagedError:
            return False
        return True


def _require_same(folder: Path, modality: Modality, stored: Row, found: Row) -> None:
    difference = fingerprint_difference(stored, found)
    if difference:
        details = "; ".join(f"{key}: {old!r} there, {new!r} now" for key, (old, new) in difference.items())
        raise MismatchError(
            f"{folder} holds {modality} features of {stored['model']} (fingerprint {fingerprint(stored)}), not of "
            f"{found['model']} (fingerprint {fingerprint(found)}): {details}.",
            "Use the same encoder and settings, or another folder with --out.",
        )
