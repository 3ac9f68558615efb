"""Hashes of files that have not changed since they were last read: a second run over a terabyte reads none of it.

Only a cache, in `.hashes.sqlite` beside the shards: it may be deleted at any time, and nothing else depends on it.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterable
from pathlib import Path

CACHE_NAME = ".hashes.sqlite"
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
    """SHA-256 by place and stamp; safe in threads."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._database = self._open(folder / CACHE_NAME)
        self._guard = threading.Lock()

    def get(self, place: str, stamp: str) -> str | None:
        """The SHA-256 in hex of what lies at `place`, if it was hashed with this stamp."""
        with self._guard:
            found = self._database.execute("SELECT sha256 FROM files WHERE place = ? AND stamp = ?", (place, stamp))
            row = found.fetchone()
        return row[0] if row else None

    def put(self, hashed: Iterable[tuple[str, str, str]]) -> None:
        """Remember (place, stamp, sha256) of files that have come to rest."""
        now = time.time_ns()
        rows = [row for row in hashed if row[1] and now - _changed_ns(row[1]) > _SETTLED_S * 1e9]
        with self._guard, self._database:
            self._database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _open(self, path: Path) -> sqlite3.Connection:
        try:
            return _connect(path)
        except sqlite3.DatabaseError:  # damaged: it is only a cache
            path.unlink()
            return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False)
    try:
        database.execute("PRAGMA synchronous = OFF")
        columns = "place TEXT PRIMARY KEY, stamp TEXT, sha256 TEXT"
        database.execute(f"CREATE TABLE IF NOT EXISTS files ({columns}) WITHOUT ROWID")
    except BaseException:
        database.close()
        raise
    return database


def _changed_ns(stamp: str) -> int:
    """Remote stamps (see `remote.fetching`) end in no time: what lies there never changes under its stamp."""
    last = stamp.rpartition(".")[2]
    return int(last) if last.isdigit() else 0
