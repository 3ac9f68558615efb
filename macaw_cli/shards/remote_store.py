"""A feature store behind a URL, read through a local copy: its small files at once, each shard when it is first needed.

The copy lies in the user's cache and knows by the stamps of the remote files what has changed there since. It may be
deleted at any time.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import write_json
from macaw_cli.basics.disk import require_free_space
from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.basics.fingerprints import require_version, sha256_file
from macaw_cli.basics.remote_files import driver_errors_are_told, list_folder, stamp_of_info
from macaw_cli.basics.remote_transfer import fetch, send
from macaw_cli.basics.shell_words import to_type
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import COUNT, OBJECT, TEXT, Fields, mapping_of, or_null
from macaw_cli.basics.urls import joined, without_secrets
from macaw_cli.basics.working_files import remove_file, take_place, working_name
from macaw_cli.shards.damage_note import DAMAGE_NAME
from macaw_cli.shards.feature_rows import ShardRow

SMALL_FILES = ("journal.jsonl", "rejects.jsonl", "store.json", DAMAGE_NAME, "manifest.jsonl")
"""In the order in which they are written: what a manifest names is there before it."""
RECORD_NAME = ".remote.json"
_RECORD_VERSION = 1
_RECORD = Fields({"url": TEXT, "stamps": mapping_of(or_null(TEXT))}, {"sizes": mapping_of(or_null(COUNT))})
_HINT = "`macaw inspect --verify` lists everything that is damaged."


def cache_of_store(url: str, purpose: str) -> Path:
    """The folder in the user's cache for a remote store.

    Args:
        url: of the store.
        purpose: `copy` to read it, `work` to write it.
    """
    shown = without_secrets(url).rstrip("/")
    digest = hashlib.sha256(shown.encode()).hexdigest()[:16]
    name = shown.rpartition("/")[2]
    return _stores_folder() / digest / purpose / (name if name.strip(".") else "store")


def _stores_folder() -> Path:
    return Path(os.environ.get("MACAW_CACHE") or "~/.cache/macaw").expanduser().absolute() / "stores"


def local_copy_of_store(url: str) -> Path:
    """A folder that reads as the store at `url` does; `FeatureStore` fetches its shards when they are needed.

    Raises:
        InputError: there is no feature store, or it may not be read.
        ResourceError: it cannot be reached.
        MissingDependencyError: its driver is not installed.
    """
    entries = list_folder(url)
    if "store.json" not in entries:
        problem = f"{without_secrets(url)} is not a feature store: " + (
            "it has no store.json." if entries else "nothing is there."
        )
        raise InputError(problem, f"`{to_type('macaw', 'extract-features', '--out', without_secrets(url))}` makes one.")
    folder = cache_of_store(url, "copy")
    folder.mkdir(parents=True, exist_ok=True)
    record = read_record(folder)
    stamps = {name: stamp_of_info(info) for name, info in entries.items()}
    for path in folder.glob("*.tar"):
        if not stamps.get(path.name) or record["stamps"].get(path.name) != stamps[path.name]:
            remove_file(path)
    for name in SMALL_FILES:
        fetch_small_file(url, folder, name, stamps.get(name), record["stamps"].get(name))
    sizes = {name: info["size"] for name, info in entries.items() if name.endswith(".tar")}
    write_record(folder, url, stamps, sizes=sizes)
    return folder


def fetch_small_file(url: str, folder: Path, name: str, stamp: str | None, had: str | None) -> None:
    """Bring one file of the copy up to date; `stamp` None means that it does not exist any more."""
    target = folder / name
    if stamp is None:
        remove_file(target)
    elif not stamp or stamp != had or not target.exists():
        temporary = folder / working_name(name)
        with driver_errors_are_told(joined(url, name)):
            fetch(joined(url, name), temporary)
        take_place(temporary, target)


def read_record(folder: Path) -> dict[str, Any]:
    """What is known of the remote files of a copy: `url`, `stamps` by name and more; empty for a plain folder.

    A record outside of the user's cache counts for nothing: whoever made that folder could name any URL in it.
    """
    path = folder / RECORD_NAME
    if not path.exists() or _stores_folder() not in folder.absolute().parents:
        return {"url": "", "stamps": {}}
    record: dict[str, Any] = read_object(path, OBJECT)
    require_version(record.get("format_version"), _RECORD_VERSION, path)
    _RECORD.checked(record, str(path))
    return record


def write_record(folder: Path, url: str, stamps: dict[str, str], **more: dict[str, Any]) -> None:
    """Keep it for the next time."""
    content = {"format_version": _RECORD_VERSION, "url": without_secrets(url), "stamps": stamps, **more}
    write_json(folder / RECORD_NAME, content)


def shown_place(folder: Path) -> str:
    """What people call a store: its URL where `folder` is only the copy."""
    return without_secrets(read_record(folder)["url"]) or str(folder)


def send_damage_note(folder: Path) -> None:
    """Tell the writer of the remote store what verifying its copy has found; nothing for a plain folder.

    Raises:
        InputError: it may not be written.
    """
    url = read_record(folder)["url"]
    if url and (folder / DAMAGE_NAME).exists():
        with driver_errors_are_told(joined(url, DAMAGE_NAME), "written"):
            send(folder / DAMAGE_NAME, joined(url, DAMAGE_NAME))


class RemoteShards:
    """The shards of a local copy, fetched when they are needed; for one thread at a time.

    Args:
        folder: the copy.
        record: of it.
        shards: as the manifest knows them.
    """

    def __init__(self, folder: Path, record: dict[str, Any], shards: Iterable[ShardRow]) -> None:
        self._folder, self._url, self._sizes = folder, record["url"], record.get("sizes") or {}
        self._shards = {shard.path.name: shard for shard in shards}

    def require_sizes(self) -> None:
        """Compare the sizes in the remote listing with the manifest.

        Raises:
            DamagedError: a shard is missing or has another size.
        """
        for name, shard in self._shards.items():
            if self._sizes.get(name) != shard.nbytes:
                there = f"has {self._sizes[name]} bytes" if name in self._sizes else "is missing"
                problem = f"{self._shown(name)} {there}, its manifest says {shard.nbytes} bytes."
                raise DamagedError(problem, _HINT)

    def bring(self, name: str) -> None:
        """Fetch a shard unless its copy is here.

        Raises:
            DamagedError: it is missing there, or other bytes than its manifest says.
            InputError: it may not be read.
            ResourceError: it cannot be reached, or this disk has no room.
        """
        shard = self._shards.get(name)
        if shard is None or (shard.path.exists() and shard.path.stat().st_size == shard.nbytes):
            return
        if name not in self._sizes:
            raise DamagedError(f"{self._shown(name)} is missing.", _HINT)
        require_free_space(self._folder, shard.nbytes)
        temporary = self._folder / working_name(name)
        try:
            with driver_errors_are_told(self._shown(name)):
                fetch(joined(self._url, name), temporary)
            if temporary.stat().st_size != shard.nbytes or sha256_file(temporary) != shard.sha256:
                raise DamagedError(f"{self._shown(name)} does not match the hash in its manifest.", _HINT)
            take_place(temporary, shard.path)
        finally:
            remove_file(temporary)

    def bring_anew(self, name: str) -> None:
        """Fetch a shard although a copy is here, to see what is there now.

        Raises:
            DamagedError: as `bring`.
        """
        remove_file(self._shards[name].path)
        self.bring(name)

    def _shown(self, name: str) -> str:
        return joined(without_secrets(self._url), name)
