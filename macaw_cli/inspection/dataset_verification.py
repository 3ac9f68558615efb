"""Is a dataset whole, and are the files that it was made from still the same."""

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from macaw_cli.basics.fingerprints import sha256_file
from macaw_cli.inspection.findings import Finding
from macaw_cli.inspection.media_lookup import workspace_of
from macaw_cli.reports.dataset_card import CARD_NAME, is_own_card
from macaw_cli.shards.dataset_lock import files_of, read_lock

CHANGED = "it has changed since this dataset was made from it"
GONE = "it is no longer there, so it was not compared"
_LONGEST_CARD = 1 << 24


def verify_dataset(folder: Path) -> Iterator[Finding]:
    """Reread the index and every shard, then what the dataset was made from; yields what each one is like.

    A source that has changed is harmless: the dataset is what it was.
    """
    info = read_lock(folder)
    for file in files_of(info):
        path = folder / file["name"]
        if not path.is_file():
            yield Finding(file["name"], "it is missing")
        elif path.stat().st_size != file["bytes"]:
            yield Finding(file["name"], f"it has {path.stat().st_size} bytes instead of {file['bytes']}")
        else:
            whole = sha256_file(path) == file["sha256"]
            yield Finding(file["name"], "" if whole else "its content has changed")
    yield from _card(folder / CARD_NAME)
    for name, recorded in _inputs(info).items():
        path = workspace_of(folder) / name
        if not path.is_file():
            yield Finding(name, GONE, harmless=True)
        elif sha256_file(path) != recorded:
            yield Finding(name, CHANGED, harmless=True)
        else:
            yield Finding(name)


def _inputs(info: Mapping[str, Any]) -> dict[str, str]:
    """Files of sources and tables of feature stores, relative to the workspace, with their hashes."""
    found: dict[str, str] = {}
    for source in info.get("sources") or []:
        name, files = source.get("file", ""), source.get("files")
        if files:
            found |= {posixpath.join(posixpath.dirname(name), file): recorded for file, recorded in files.items()}
        elif files is None and name:
            found[name] = source.get("sha256", "")
    for store in info.get("feature_stores") or []:
        found |= {
            posixpath.join(store.get("folder", ""), table): recorded
            for table, recorded in store.items()
            if table != "folder"
        }
    return found


def _card(path: Path) -> Iterator[Finding]:
    if path.is_file():
        with path.open("rb") as card:
            own = is_own_card(card.read(_LONGEST_CARD))
        yield Finding(path.name, "" if own else "somebody has written or changed it; macaw leaves it as it is",
                      harmless=True)  # fmt: skip
