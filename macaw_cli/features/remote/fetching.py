"""Remote media come here once: fetched to be hashed, kept until they are decoded, then gone.

Every item has a name of its own for its copy in `<store>/.staging`; clips of one video and members of one tar are hard
links to the same copy, which so takes room until the last of them is decoded, in whichever process that is. What does
not fit is hashed without being kept and fetched again when it is decoded.
"""

import itertools
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from macaw_cli.basics.background import waits_until
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.fingerprints import sha256_range
from macaw_cli.basics.remote_files import Info, remote_info, stamp_of_info
from macaw_cli.basics.remote_transfer import fetch, open_remote
from macaw_cli.basics.urls import extension_of
from macaw_cli.basics.working_files import kind_of, make_folder, remove_file, remove_own
from macaw_cli.features.remote.fetch_errors import fetch_errors_are_told
from macaw_cli.features.remote.staging_space import Room
from macaw_cli.features.source import Source
from macaw_cli.media.kinds import HEAD_BYTES, modality_of_bytes
from macaw_cli.modalities.table import Modality

STAGING_NAME = ".staging"
_THREADS = 32
"""A request takes some 20 to 100 ms, whatever it is for: so many at once hide that."""
_STRIPES = 1024
_REMEMBERED = 256
"""Newest files of which another clip may be asked for."""
_UNEXPECTED = (
    "It is {0}, for which no encoder was loaded: the first look, at names and the first 4 MiB of remote tars, saw none."
    " Type the command again and name a file that is {0} in it too."
)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a remote source turned out to be.

    Attributes:
        sha256: of its bytes, in hex.
        size: in bytes.
        stamp: changes when it does; empty when the server tells nothing of the kind.
        modality: by its first bytes, where they are certain.
        staged: its copy here; empty when it is not kept or was not fetched.
    """

    sha256: str
    size: int
    stamp: str
    modality: Modality
    staged: str = ""

    @property
    def cached(self) -> str:
        """For the hash cache."""
        return f"{self.sha256} {self.modality}"


class Staging:
    """Fetches and hashes remote sources, many at once; a context manager that leaves nothing behind.

    Args:
        store: the feature store; copies are kept in a folder in it.
        expected: modalities that encoders are loaded for; None takes all.
    """

    def __init__(self, store: Path, expected: set[Modality] | None = None) -> None:
        self._folder = store / STAGING_NAME
        self._expected = expected
        self._stopping = threading.Event()
        self._threads = ThreadPoolExecutor(
            _THREADS, "fetching", initializer=waits_until, initargs=(self._stopping.is_set,)
        )
        self._numbers = itertools.count()
        self._room = Room(self._folder)
        self._guard = threading.Lock()
        self._stripes = [threading.Lock() for _ in range(_STRIPES)]
        self._newest: OrderedDict[str, Looked] = OrderedDict()

    def __enter__(self) -> "Staging":
        if kind_of(self._folder):
            make_folder(self._folder)  # refuses a link
            remove_own(self._folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._stopping.set()  # a server that has stalled is not waited for
        self._threads.shutdown(wait=True, cancel_futures=True)
        remove_own(self._folder)

    def look(self, source: Source, known: Callable[[str], str | None]) -> "Future[Looked]":
        """Find out in the background what a remote source is; the future raises InputError with the reason.

        Args:
            source: by URL.
            known: what the hash cache has for a stamp.
        """
        return self._threads.submit(self._look, source, known)

    @contextmanager
    def tar(self, url: str, info: Info) -> Iterator[tuple[BinaryIO, str]]:
        """A remote tar, open for reading, and where its copy is; too large for one, it is read from afar.

        Raises:
            Exception: the driver's own (see `driver_errors_are_told`).
        """
        path = self._new_path(url)
        if not self._room.take(int(info["size"])):
            with open_remote(url) as tar:
                yield tar, ""
            return
        try:
            fetch(url, path)
            with path.open("rb") as tar:
                yield tar, str(path)
        finally:
            remove_file(path)

    def shared(self, member: Source, stamp: str, staged: str) -> Source:
        """A member of the tar whose copy is `staged`, with a name of its own for that copy."""
        path = self._new_path(".tar") if staged else None
        return replace(member, stamp=stamp, staged=str(path) if path and _linked(staged, path) else "")

    def _look(self, source: Source, known: Callable[[str], str | None]) -> Looked:
        looked = self._found(source, known)
        if self._expected is not None and looked.modality not in self._expected:
            drop_copy(looked.staged)
            raise InputError(_UNEXPECTED.format(looked.modality))
        return looked

    def _found(self, source: Source, known: Callable[[str], str | None]) -> Looked:
        with fetch_errors_are_told(source.file):
            info = {} if source.stamp else remote_info(source.file)
            stamp = source.stamp or stamp_of_info(info)
            if stamp and (found := known(stamp)):
                sha256, _, modality = found.partition(" ")
                drop_copy(source.staged)
                size = source.size if source.size is not None else int(stamp.partition(".")[0])
                return Looked(sha256, size, stamp, modality)
            if source.staged:
                return self._judged(source, Path(source.staged), source.offset or 0, stamp)
            with self._stripes[hash(source.file) % _STRIPES]:
                return self._twin(source, stamp) or self._fetched(source, stamp)

    def _twin(self, source: Source, stamp: str) -> Looked | None:
        """Another clip of the same video was here a moment ago."""
        with self._guard:
            newest = self._newest.get(source.file)
        path = self._new_path(source.file)
        if source.offset is None and newest and newest.stamp == stamp and _linked(newest.staged, path):
            return replace(newest, staged=str(path))
        return None

    def _fetched(self, source: Source, stamp: str) -> Looked:
        path = self._new_path(source.file)
        try:
            fetch(source.file, path, source.offset, source.size)
            looked = self._judged(source, path, 0, stamp)
            if not self._room.take(looked.size):
                looked = replace(looked, staged="")
        except BaseException:
            remove_file(path)
            raise
        if not looked.staged:
            remove_file(path)
        elif source.offset is None:
            with self._guard:
                self._newest[source.file] = looked
                if len(self._newest) > _REMEMBERED:
                    self._newest.popitem(last=False)
        return looked

    def _judged(self, source: Source, path: Path, offset: int, stamp: str) -> Looked:
        size = source.size if source.size is not None else path.stat().st_size
        with path.open("rb") as file:
            file.seek(offset)
            head = file.read(min(HEAD_BYTES, size))
        modality = modality_of_bytes(head, source.name) or source.modality
        return Looked(sha256_range(path, offset, size), size, stamp, modality, str(path))

    def _new_path(self, url: str) -> Path:
        make_folder(self._folder)
        return self._folder / f"{next(self._numbers)}{extension_of(url)}"


def drop_copy(staged: str) -> None:
    """Nobody needs this copy any more."""
    if staged:
        remove_file(Path(staged))


def _linked(there: str, path: Path) -> bool:
    with suppress(OSError):  # gone in the meantime, too many links, or a disk without them
        os.link(there, path)
        return True
    return False
