"""Where the media of a feature store are now, if they are still to be had."""

import os
from collections.abc import Iterable
from pathlib import Path

from macaw_cli.basics.typed_files import iterate_objects
from macaw_cli.basics.typed_rows import COUNT, TEXT, Fields, list_of

WORKSPACE_FILE = "macaw.yaml"
JOURNAL_NAME = "journal.jsonl"
_JOB = Fields({}, {"items": list_of(Fields({}, {"key": TEXT, "file": TEXT, "offset": COUNT}))})


class MediaPlaces:
    """Finds the files of a store's media.

    Args:
        store: the feature store.
        keys: of the media that will be asked for; the journal is read once for all of them.
    """

    def __init__(self, store: Path, keys: Iterable[str]) -> None:
        store = store.absolute()
        self._roots = list(dict.fromkeys([workspace_of(store), store.parent, Path.cwd(), store]))
        self._journal = _files_in_journal(store, set(keys))

    def find(self, path: str, key: str) -> Path | None:
        """The file of a source path; None when it cannot be had: gone, behind a URL, or inside a tar.

        Args:
            path: as the manifest names it; a clip's times are ignored.
            key: of its content, by which the journal knows where it was read.
        """
        if "://" in path:
            return None
        candidates = [root / name for root in self._roots for name in (path, path.rpartition("#t=")[0]) if name]
        if key in self._journal:
            candidates.append(self._journal[key])
        return next((Path(os.path.normpath(file)) for file in candidates if _is_file(file)), None)


def workspace_of(folder: Path) -> Path:
    """The nearest folder above that has a `macaw.yaml`; without one the folder that it is in."""
    folder = folder.absolute()
    return next((above for above in folder.parents if (above / WORKSPACE_FILE).is_file()), folder.parent)


def _files_in_journal(store: Path, keys: set[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for job in iterate_objects(store / JOURNAL_NAME, _JOB):
        for item in job.get("items") or ():
            if item.get("key") in keys and item.get("file") and item.get("offset") is None:
                found[item["key"]] = store / item["file"]
    return found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that this file system cannot have
        return False
