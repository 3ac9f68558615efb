"""Hashes of files that have not changed since they were last read: a second run over a terabyte reads none of it.

Only a cache, in `.hashes.sqlite` beside the shards: it may be deleted at any time, and nothing else depends on it.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from macaw_cli.basics.working_files import remove_file, require_replaceable

CACHE_NAME = ".hashes.sqlite"
_VERSION = 1
"""Of its table; one of another version is thrown away."""
_SETTLED_S = 2.0
"""A file changed more recently may change again without its time changing: it is hashed again next time."""


def stamp_of(file: str) -> str:
    """What changes when a file does: size, inode, time of the last change of content and of anything.

    Raises:
        OSError: there is no such file.
    """
    found = os.stat(file)  # noqa: PTH116, of a string, a million times
    return f"{found.st_size}.{found.st_ino}.{found.st_mtime_ns}.{found.st_ctime_ns}"


class HashCache:
    """SHA-256 by place and stamp; safe in threads.

    No trouble with its file is trouble for who asks: what cannot be read is not known, what cannot be kept is not kept,
    and a damaged file is made anew. Only a link in its place is refused.

    Raises:
        InputError: its file is a link, or no file.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / CACHE_NAME
        for file in _files(self._path):
            require_replaceable(file)
        self._guard = threading.Lock()
        try:
            self._database = _connect(self._path)
        except sqlite3.DatabaseError:
            self._database = _connect_anew(self._path)

    def get(self, place: str, stamp: str) -> str | None:
        """The SHA-256 in hex of what lies at `place`, if it was hashed with this stamp."""
        wanted = (os.fsencode(place), stamp)
        row = None
        with self._guard, self._damage_is_mended():
            found = self._database.execute("SELECT sha256 FROM files WHERE place = ? AND stamp = ?", wanted)
            row = found.fetchone()
        return row[0] if row else None

    def put(self, hashed: Iterable[tuple[str, str, str]]) -> None:
        """Remember (place, stamp, sha256) of files that have come to rest."""
        now = time.time_ns()
        rows = [
            (os.fsencode(place), stamp, sha256)
            for place, stamp, sha256 in hashed
            if stamp and now - _changed_ns(stamp) > _SETTLED_S * 1e9
        ]
        with self._guard, self._damage_is_mended(), self._database:
            self._database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        """Close the file."""
        with self._guard:
            self._database.close()

    @contextmanager
    def _damage_is_mended(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:  # a mistake of ours, such as asking after `close`
            raise
        except sqlite3.OperationalError:  # a full disk or the like: the file may be fine
            pass
        except sqlite3.DatabaseError:
            self._database.close()
            self._database = _connect_anew(self._path)


def _connect_anew(path: Path) -> sqlite3.Connection:
    for file in _files(path):
        remove_file(file)
    return _connect(path)


def _files(path: Path) -> tuple[Path, Path]:
    """Its file, and its journal: an old one would be played back into a new file."""
    return path, path.with_name(path.name + "-journal")


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False)
    try:
        database.execute("PRAGMA synchronous = OFF")
        if database.execute("PRAGMA user_version").fetchone() != (_VERSION,):
            database.execute("DROP TABLE IF EXISTS files")
            database.execute(f"PRAGMA user_version = {_VERSION}")
        columns = "place BLOB PRIMARY KEY, stamp TEXT, sha256 TEXT"  # bytes: not every file name is Unicode
        database.execute(f"CREATE TABLE IF NOT EXISTS files ({columns}) WITHOUT ROWID")
    except BaseException:
        database.close()
        raise
    return database


def _changed_ns(stamp: str) -> int:
    """Remote stamps (see `remote.fetching`) end in no time: what lies there never changes under its stamp."""
    last = stamp.rpartition(".")[2]
    return int(last) if last.isdigit() else 0
