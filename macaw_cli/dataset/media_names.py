"""Where a medium that a row names may be: its other spellings, and the files of that name in `dataset.media`."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.file_names import composed
from macaw_cli.basics.fingerprints import fingerprint, sha256_file
from macaw_cli.dataset.formats.coco_names import coco_spellings
from macaw_cli.modalities.table import TABLE, Modality

KEY_DIGITS = 32
"""As many hex digits of the SHA-256 of a file's content are its key in a feature store."""


def other_names(name: str, modality: Modality) -> list[str]:
    """Other names that the same file may have: COCO's, and for a video another extension.

    The key of a published video does not tell whether it was stored as `.mp4` or `.mkv`.
    """
    if modality != "video":
        return coco_spellings(name) if modality == "image" else []
    path = PurePosixPath(name)
    bare = path.with_suffix("") if path.suffix.lower() in TABLE["video"].extensions else path
    names = [f"{bare}{extension}" for extension in sorted(TABLE["video"].extensions)]
    return [other for other in names if other != name]


class MediaFolders:
    """The files in some folders, by name.

    Args:
        folders: searched with all that is below them.

    Raises:
        InputError: one is not there.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._files: dict[str, list[tuple[Path, str]]] = defaultdict(list)
        self._keys: dict[Path, str] = {}
        for folder in folders:
            if not folder.is_dir():
                raise InputError(f"There is no folder {folder}.", "Correct --media or dataset.media.")
            for path in _files_below(folder):
                self._files[composed(path.name)].append((path, path.relative_to(folder).as_posix()))

    def listing(self) -> str:
        """A hash of all names and sizes: what may be found in the folders."""
        found = sorted((relative, path.stat().st_size) for paths in self._files.values() for path, relative in paths)
        return fingerprint([list(one) for one in found])

    def names_in_stores(self, names: Sequence[str]) -> Iterator[str]:
        """By which names a feature store may know the file that is called by one of `names`: paths, then its key.

        Raises:
            InputError: two different files have the name.
        """
        for name in names:
            files = self._called(name)
            if not files:
                continue
            for path, relative in files:
                if len(files) == 1:
                    yield from (relative, f"{path.parent.name}/{path.name}", str(path.absolute()))
            keys = {self._key(path) for path, _ in files}
            if len(keys) > 1:
                shown = " and ".join(str(path) for path, _ in files[:2])
                raise InputError(f"{name} could be {shown}, which are different files: give more of its path")
            yield keys.pop()

    def called(self, names: Sequence[str]) -> list[Path]:
        """The files that are called by the first of `names` that any file has."""
        return next(([path for path, _ in files] for name in names if (files := self._called(name))), [])

    def _called(self, name: str) -> list[tuple[Path, str]]:
        wanted = composed(PurePosixPath(name).as_posix())
        files = self._files.get(wanted.rpartition("/")[2], [])
        ending = [one for one in files if f"/{composed(one[0].as_posix())}".endswith(f"/{wanted}")]
        return ending or files

    def _key(self, path: Path) -> str:
        if path not in self._keys:
            self._keys[path] = sha256_file(path)[:KEY_DIGITS]
        return self._keys[path]


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        yield from (Path(parent) / name for name in sorted(names) if not name.startswith("."))
