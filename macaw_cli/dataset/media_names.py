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
        self._sizes: list[tuple[str, int]] = []
        self._keys: dict[Path, str] = {}
        for folder in folders:
            if not folder.is_dir():
                raise InputError(f"There is no folder {folder}.", "Correct --media or dataset.media.")
            for path, size in _files_below(folder):
                relative = path.relative_to(folder).as_posix()
                self._files[composed(path.name)].append((path, relative))
                self._sizes.append((relative, size))

    def listing(self) -> str:
        """A hash of all names and sizes: what may be found in the folders."""
        return fingerprint([list(one) for one in sorted(self._sizes)])

    def names_in_stores(self, names: Sequence[str]) -> Iterator[str]:
        """By which names a feature store may know the file that is called by one of `names`: paths, then its key.

        Raises:
            InputError: two different files have the name, or one cannot be read.
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
            try:
                self._keys[path] = sha256_file(path)[:KEY_DIGITS]
            except OSError as error:
                raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
            except InputError as error:
                raise InputError(error.problem.rstrip(".")) from None
        return self._keys[path]


def _files_below(folder: Path) -> Iterator[tuple[Path, int]]:
    """Files with their sizes, links followed, each folder once. What leads nowhere or may not be read is left out."""
    seen: set[tuple[int, int]] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        here = _status(Path(parent))
        if here is None or (here.st_dev, here.st_ino) in seen:
            folders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        folders.sort()
        for path in (Path(parent) / name for name in sorted(names) if not name.startswith(".")):
            if found := _status(path):
                yield path, found.st_size


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
