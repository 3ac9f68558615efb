"""How much of what was fetched may be kept, whoever removes it again."""

import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

from macaw_cli.basics.working_files import make_folder

MOST_BYTES = 8 << 30
_SHARE_OF_FREE = 0.1
_RESCAN_S = 0.5


class Room:
    """How much more may be kept: counted when something comes, looked up again when that seems too much."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._guard = folder, threading.Lock()
        self._bound, self._used, self._scanned = -1, 0, 0.0

    def take(self, size: int) -> bool:
        """Whether `size` more bytes may be kept."""
        with self._guard:
            if self._bound < 0:
                make_folder(self._folder)
                self._bound = min(MOST_BYTES, int(_SHARE_OF_FREE * shutil.disk_usage(self._folder).free))
            if self._used + size > self._bound and time.monotonic() - self._scanned > _RESCAN_S:
                self._used, self._scanned = _bytes_in(self._folder), time.monotonic()
            if self._used + size > self._bound:
                return False
            self._used += size
            return True


def _bytes_in(folder: Path) -> int:
    sizes: dict[int, int] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                found = entry.stat()
                sizes[found.st_ino] = found.st_size
    return sum(sizes.values())
