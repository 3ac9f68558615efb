"""A file of byte strings, each found by where it begins and how long it is."""

import os
from pathlib import Path

from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.working_files import open_own

Place = tuple[int, int]
"""First byte and length of a record."""
BUFFER_BYTES = 1 << 20


class RecordWriter:
    """Appends records to a new file; what was written can be read at any time.

    Args:
        path: in a folder of macaw's own; an older file is emptied.
    """

    def __init__(self, path: Path) -> None:
        self._file = open_own(path, "wb")
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._end = 0

    def add(self, record: bytes) -> Place:
        """Append one record."""
        place = self._end, len(record)
        self._end += len(record)
        self._waiting.append(record)
        self._waiting_bytes += len(record)
        if self._waiting_bytes > BUFFER_BYTES:
            self.flush()
        return place

    def read(self, place: Place) -> bytes:
        """One record."""
        self.flush()
        return os.pread(self._file.fileno(), place[1], place[0])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def flush(self) -> None:
        """Write what is still in memory."""
        if self._waiting:
            self._file.write(b"".join(self._waiting))
            self._file.flush()
            self._waiting, self._waiting_bytes = [], 0


class RecordReader:
    """Reads the records of a finished file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb", buffering=0)

    def read(self, place: Place) -> bytes:
        """One record.

        Raises:
            DamagedError: the file is shorter.
        """
        record = os.pread(self._file.fileno(), place[1], place[0])
        if len(record) != place[1]:
            raise DamagedError(f"{self._path} ends inside a record.", "Type the same command again.")
        return record

    def close(self) -> None:
        """Close the file."""
        self._file.close()
