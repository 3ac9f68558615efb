"""From what was named as a medium - a path, a URL, or `-` for standard input - to a file of this machine."""

import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Self

from macaw_cli.basics import console
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.remote_files import driver_errors_are_told
from macaw_cli.basics.remote_transfer import open_remote
from macaw_cli.basics.urls import extension_of, is_url, local_place, without_secrets
from macaw_cli.basics.working_files import remove_file
from macaw_cli.inference.attachments import Attacher, Attachment, medium_file
from macaw_cli.media.kinds import modality_of, named_place, unknown_kind
from macaw_cli.modalities.table import Modality, in_words

STDIN = "-"
MOST_BYTES = 2 << 30
"""Of a medium that is fetched or read from standard input."""
KEPT = 16
"""Fetched files that are on the disk at the same time."""
_PIECE = 1 << 20


class MediaSources:
    """Attaches media wherever they are; a context manager, which removes what was fetched.

    Args:
        attacher: turns files into attachments.
        tell: is told that a file is being fetched; None tells nobody.
    """

    def __init__(self, attacher: Attacher, tell: Callable[[str], None] | None = console.say) -> None:
        self._attacher, self._tell, self._stack = attacher, tell, ExitStack()
        self._folder: Path | None = None
        self._fetched: dict[str, Path] = {}
        self._count = 0

    def __enter__(self) -> Self:
        """Nothing has to be prepared."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was fetched."""
        self._stack.close()

    def attach(self, place: str, modality: Modality | None = None) -> list[Attachment]:
        """What the medium at `place` became; its path is as it was named, without the secrets of a URL.

        Args:
            place: a path, a URL, or `-`; with `series:` before it where it does not tell the modality by itself.
            modality: None tells it by the content, else by the name.

        Raises:
            InputError: it cannot be read, is too large, or is no medium that the model knows.
            ResourceError: a server cannot be reached.
            MissingDependencyError: the driver of a kind of URL is not installed.
        """
        named, bare = named_place(place)
        if named is not None and modality is None:
            return self.attach(bare, named)
        file = self._local(place)
        modality = modality or _modality(file, place)
        attached = self._attacher.attach(file, modality)
        if not is_url(place) and place != STDIN:
            return attached
        return [replace(one, path=without_secrets(place)) for one in attached]

    def file_of(self, path: str) -> Path:
        """The file behind the path of an attachment."""
        return self._fetched.get(path, Path(path))

    def _local(self, place: str) -> Path:
        if place != STDIN and not is_url(place):
            return _path(place)
        name = without_secrets(place)
        if name not in self._fetched:
            while len(self._fetched) >= KEPT:
                remove_file(self._fetched.pop(next(iter(self._fetched))))
            target = self._new_file(extension_of(place))
            if place == STDIN:
                _copy(sys.stdin.buffer, target, "standard input")
            else:
                if self._tell:
                    self._tell(f"Fetching {name} ...")
                with driver_errors_are_told(place), open_remote(place) as remote:
                    _copy(remote, target, name)
            self._fetched[name] = target
        return self._fetched[name]

    def _new_file(self, extension: str) -> Path:
        if self._folder is None:
            self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="macaw-media-")))
        self._count += 1
        return self._folder / f"{self._count}{extension}"


def require_files(places: Sequence[str], modality: Modality | None = None) -> None:
    """Look whether the files of this machine among some places are there.

    Args:
        places: paths, URLs or `-`.
        modality: of all of them; None is any.

    Raises:
        InputError: one is missing.
    """
    for named, place in ((None, place) if modality else named_place(place) for place in places):
        if place != STDIN and not is_url(place):
            medium_file(_path(place), modality or named)


def _path(place: str) -> Path:
    return Path(local_place(place)).expanduser()


def _copy(source: BinaryIO, target: Path, name: str) -> None:
    """Copy a stream to a file.

    Raises:
        InputError: it is empty or too large.
    """
    size = 0
    with target.open("wb") as out:
        while piece := source.read(_PIECE):
            size += len(piece)
            if size > MOST_BYTES:
                raise InputError(f"{name} is larger than {MOST_BYTES >> 30} GiB.", "Name a smaller file.")
            out.write(piece)
    if not size:
        raise InputError(f"{name} is empty.", "Name an image, audio file or video.")


def _modality(file: Path, place: str) -> Modality:
    """The modality of a file, which need not be there: attaching it says so."""
    found = modality_of(file)
    if found is None:
        if place == STDIN:
            problem = f"Standard input is not an {in_words()} file."
            raise InputError(problem, "Name its modality, as in `--audio -` or `--media series:-`.")
        told = unknown_kind(without_secrets(place))
        raise InputError(told.problem, told.hint or "Check the path.")
    return found
