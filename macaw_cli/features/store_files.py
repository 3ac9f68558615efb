"""The files of a feature store while it is being written: `store.json`, `manifest.jsonl` and `rejects.jsonl`.

The manifest is the truth: a job is done when the rows of all its shards stand in it. Only digests of its rows are kept
in memory (about 0.2 KB each), so that a store may grow as long as the disk holds it.
"""

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import append_jsonl, write_json, write_jsonl
from macaw_cli.basics.errors import DamagedError
from macaw_cli.features.journal import JOURNAL_NAME, Job
from macaw_cli.features.manifest_block import with_block
from macaw_cli.features.same_encoders import require_same
from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.shards.damage_note import damaged_shards, forget_damage
from macaw_cli.shards.feature_store import MANIFEST_NAME, NULL_KEY, STORE_NAME, STORE_VERSION
from macaw_cli.shards.remote_store import shown_place
from macaw_cli.shards.store_rows import REJECTS_NAME, digest_of_key, manifest_rows, read_store_file, reject_rows
from macaw_cli.shards.tar_reader import verify_size

_COPIES_AT_ONCE = 20_000
"""Names whose rows are in memory together."""
Row = dict[str, Any]


class StoreFiles:
    """What the store holds so far, and the only way to add to it; safe in threads.

    Args:
        folder: of the files.
        fingerprints: of the encoders that will add to it.
        sizes: of the shards, where they are elsewhere; None looks in `folder`.
    """

    def __init__(self, folder: Path, fingerprints: dict[Modality, Row], sizes: Mapping[str, int] | None = None) -> None:
        self.folder, self._sizes_elsewhere = folder, sizes
        self._agree_on(fingerprints)
        self._lock = threading.Lock()
        self._sizes: dict[str, int] = {}
        self._jobs: dict[str, int] = {}
        self._torn: set[str] = set()
        """Shards with rows but without their own: the work was killed while it wrote them down."""
        self._keys: dict[bytes, bytes] = {}
        self._newest_job = -1
        self._read_manifest()
        self._damaged = set(damaged_shards(folder))
        self._reject_names = {_named(row["path"], row["modality"]) for row in self._rejects()}

    def is_done(self, job: Job) -> bool:
        """Whether all shards of the job are in the manifest, have the size that it says, and were not found damaged."""
        return all(self._whole(shard) for shard in job.shards.values())

    def has_rows(self, job: Job) -> bool:
        """Whether the manifest has rows of the job, finished or torn."""
        return any(shard in self._jobs or shard in self._torn for shard in job.shards.values())

    def key_of(self, name: str, modality: Modality) -> str | None:
        """The key that a source path has now, or None when it is not in the manifest."""
        key = self._keys.get(_named(name, modality))
        return key.hex() if key else None

    def require_journal(self, jobs: int) -> None:
        """Check that the journal knows every job of the manifest; new ones would overwrite their shards.

        Raises:
            DamagedError: it has only `jobs`, which is too few.
        """
        if self._newest_job >= jobs:
            known = f"knows {jobs} jobs, the manifest {self._newest_job + 1}: it was removed or cut."
            raise DamagedError(
                f"{self.folder / JOURNAL_NAME} {known}",
                "Restore it from a copy, or extract into another folder with --out.",
            )

    def made_keys(self) -> set[bytes]:
        """Keys of everything that stands in a finished shard."""
        return {digest_of_key(row["key"]) for row in self._media_rows()}

    def commit(self, job: int, rows: list[Row], rejects: list[Row]) -> None:
        """Add the rows of one finished job, its shards' own rows last, and the inputs it had to reject.

        A job that is done again, or later than its successors, has its rows where an undisturbed run has them.
        """
        with self._lock:
            self._forgive({_named(row["path"], row["modality"]) for row in rows if "key" in row})
            self._refuse(rejects)
            if job > self._newest_job and not self._torn & {row["shard"] for row in rows}:
                append_jsonl(self.folder / MANIFEST_NAME, rows)
                for row in rows:
                    self._take_in(row)
            else:
                write_jsonl(self.folder / MANIFEST_NAME, with_block(self._rows(), job, rows, dict(self._jobs)))
                self._read_manifest()
            forget_damage(self.folder, {row["shard"] for row in rows})

    def add_rejects(self, rejects: list[Row], reread: AbstractSet[str] = frozenset()) -> None:
        """Add inputs that never came to a job.

        Args:
            rejects: rows of them.
            reread: manifests that were read to their end: what was wrong with their rows before, and is not among
                `rejects`, was mended.
        """
        now = {row["path"] for row in rejects}
        with self._lock:
            self._forgive(
                {
                    _named(row["path"], row["modality"]) for row in self._rejects()
                    if row.get("manifest") in reread and row["path"] not in now
                }
            )  # fmt: skip
            self._refuse(rejects)

    def name_copies(self, copies: list[tuple[str, str, Modality]]) -> None:
        """Add rows for names that came after their content was dealt with, such as a copy or a moved file.

        Args:
            copies: (name, key, modality of the source); a video's soundtrack is named along with it.
        """
        for first in range(0, len(copies), _COPIES_AT_ONCE):
            self._name_block(copies[first : first + _COPIES_AT_ONCE])

    def _name_block(self, copies: list[tuple[str, str, Modality]]) -> None:
        wanted = {key for _, key, _ in copies}
        rows = {(row["key"], row["modality"]): row for row in self._media_rows() if row["key"] in wanted}
        found = [
            {**row, "path": name}
            for name, key, modality in copies
            for kind in MODALITIES
            if (row := rows.get((key, kind))) and modality in (kind, "video") and self.key_of(name, kind) != key
        ]
        given_up = {(row["key"], row["modality"]): row for row in self._rejects() if row["key"] in wanted}
        rejects = [
            {**row, "path": name}
            for name, key, modality in copies
            if (row := given_up.get((key, modality))) and _named(name, modality) not in self._reject_names
        ]
        with self._lock:
            self._forgive({_named(row["path"], row["modality"]) for row in found})
            self._refuse(rejects)
            append_jsonl(self.folder / MANIFEST_NAME, found)
            for row in found:
                self._take_in(row)

    def tidy(self) -> list[Row]:
        """Sort the rejects, and leave those out that were found good since.

        Returns:
            The rejects, one per source path and modality: of those named twice the later.
        """
        written = list(self._rejects())
        latest = {(row["path"], row["modality"]): row for row in written}
        kept = [row for row in latest.values() if row["key"] or not self._is_good(row["path"], row["modality"])]
        kept.sort(key=lambda row: (row["path"], row["modality"] or ""))
        if kept != written:
            write_jsonl(self.folder / REJECTS_NAME, kept)
        return kept

    def shard_totals(self) -> tuple[int, int]:
        """Number and bytes of all shards."""
        sizes = [size for size in self._sizes.values() if size]
        return len(sizes), sum(sizes)

    def given_up(self) -> set[tuple[str, Modality]]:
        """(key, modality) of what could not be decoded or stored so far."""
        return {(row["key"], row["modality"]) for row in self._rejects() if row["key"]}

    def _is_good(self, name: str, modality: Modality | None) -> bool:
        return modality is not None and self.key_of(name, modality) is not None

    def _refuse(self, rejects: list[Row]) -> None:
        if rejects:
            append_jsonl(self.folder / REJECTS_NAME, rejects)
            self._reject_names.update(_named(row["path"], row["modality"]) for row in rejects)

    def _forgive(self, made: set[bytes]) -> None:
        """Take files off the list of rejects that are good now."""
        if made := made & self._reject_names:
            kept = [row for row in self._rejects() if _named(row["path"], row["modality"]) not in made]
            write_jsonl(self.folder / REJECTS_NAME, kept)
            self._reject_names -= made

    def _rows(self) -> Iterator[Row]:
        return (row for _, row in manifest_rows(self.folder / MANIFEST_NAME))

    def _rejects(self) -> Iterator[Row]:
        return reject_rows(self.folder / REJECTS_NAME)

    def _media_rows(self) -> Iterator[Row]:
        """Rows of media in finished shards."""
        return (row for row in self._rows() if row.get("key", NULL_KEY) != NULL_KEY and row["shard"] in self._sizes)

    def _read_manifest(self) -> None:
        self._sizes, self._jobs, self._keys, self._torn = {}, {}, {}, set()
        for row in self._rows():
            self._take_in(row)

    def _take_in(self, row: Row) -> None:
        if "key" not in row:
            job = row.get("job") or 0
            self._sizes[row["shard"]], self._jobs[row["shard"]] = row["bytes"], job
            self._newest_job = max(self._newest_job, job)
            self._torn.discard(row["shard"])
            return
        if row["shard"] not in self._jobs:
            self._torn.add(row["shard"])
        if row["key"] != NULL_KEY:
            self._keys[_named(row["path"], row["modality"])] = digest_of_key(row["key"])

    def _whole(self, shard: str) -> bool:
        if shard in self._damaged:
            return False
        if self._sizes_elsewhere is not None and self._sizes.get(shard) != 0:
            return self._sizes_elsewhere.get(shard) == self._sizes.get(shard, -1)
        try:
            if self._sizes.get(shard) != 0:  # a job that rejected everything has a row, but no file
                verify_size(self.folder / shard, self._sizes.get(shard, -1))
        except DamagedError:
            return False
        return True

    def _agree_on(self, fingerprints: dict[Modality, Row]) -> None:
        path = self.folder / STORE_NAME
        new: Row = {"format_version": STORE_VERSION, "fingerprints": {}}
        store: Row = read_store_file(path) if path.exists() else new
        if not (self.folder / MANIFEST_NAME).exists():
            store = new  # nothing was made with the encoders that it names
        stored = store["fingerprints"]
        for modality, found in fingerprints.items():
            if modality in stored:
                require_same(shown_place(self.folder), modality, stored[modality], found)
        if any(modality not in stored for modality in fingerprints):
            write_json(path, {**store, "fingerprints": {**fingerprints, **stored}})


def _named(name: str, modality: Modality | None) -> bytes:
    """A path with its modality as 16 bytes."""
    return hashlib.blake2b(os.fsencode(f"{modality}:{name}"), digest_size=16).digest()
