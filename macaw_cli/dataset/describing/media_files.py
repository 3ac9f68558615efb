"""The file of a medium of a feature store, known by its content."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.file_names import on_disk
from macaw_cli.basics.fingerprints import sha256_file
from macaw_cli.dataset.describing.used_media import UsedMedium
from macaw_cli.dataset.media_names import KEY_DIGITS, MediaFolders, other_names

_CLIP = "#t="
Clip = tuple[float | None, float | None]
"""First and last second; None is the beginning or the end of the file."""


class MediaFiles:
    """Finds the files of media by their names and proves them by their content keys.

    Args:
        folders: besides that of the conversations, to which names may be relative.
        by_name: folders in which files are looked up by name.
    """

    def __init__(self, folders: Sequence[Path], by_name: MediaFolders | None) -> None:
        self._folders, self._by_name = folders, by_name

    def of(self, used: UsedMedium, needed_by: str) -> Path:
        """The file of a medium.

        Args:
            used: the medium.
            needed_by: the expert that reads it, for the message.

        Raises:
            InputError: there is no such file, or only ones of other content.
        """
        row, other = used.medium.row, None
        for file in self._candidates(used):
            if file.is_file():
                if key_of(file, row.path) == row.key:
                    return file
                other = other or file
        name = row.path or used.name
        if other:
            raise InputError(
                f"The expert {needed_by} needs the file of the {row.modality} {name}, but {other} has another content "
                "than that whose features were extracted.",
                "Extract the features again, or name the folder of the old files with --media.",
            )
        raise InputError(
            f"The expert {needed_by} needs the file of the {row.modality} {name}, which is not found.",
            "Name the folder of the media with --media.",
        )

    def _candidates(self, used: UsedMedium) -> Iterator[Path]:
        row = used.medium.row
        names = [name.partition(_CLIP)[0] for name in (used.name, row.path) if name]
        for name in dict.fromkeys(names):
            for one in (name, *other_names(name, row.modality)):
                for folder in (used.folder, *self._folders):
                    yield on_disk(folder / one)
        if self._by_name is not None:
            yield from self._by_name.called(names)


def clip_of(path: str) -> Clip:
    """The times of a source path such as `walk.mp4#t=2,4.5`."""
    _, mark, times = path.rpartition(_CLIP)
    if not mark:
        return None, None
    start, _, end = times.partition(",")
    try:
        return float(start), float(end) if end else None
    except ValueError:  # a file whose name holds the mark
        return None, None


def key_of(file: Path, path: str) -> str:
    """The content key that a file has in a feature store under a source path; see `features.items`."""
    sha256 = sha256_file(file)
    start, end = clip_of(path)
    if start is None:
        return sha256[:KEY_DIGITS]
    clip = f"{_CLIP}{start},{end}"
    return hashlib.sha256(bytes.fromhex(sha256) + clip.encode()).hexdigest()[:KEY_DIGITS]
