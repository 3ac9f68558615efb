"""Random access to the shards of a folder: one positioned read each, on descriptors that stay open."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from math import prod
from pathlib import Path

import numpy as np

from macaw_cli.basics.errors import DamagedError

MAX_OPEN = 256
"""Descriptors kept; well below the usual limit of 1024 per process."""
_LARGE = 1 << 24


class PositionedReads:
    """Reads byte ranges of files below one folder; safe in threads, as no file position is shared.

    Args:
        folder: where the files are.
        before_open: called with the file's name each time a file is opened, to refuse one that has changed.
    """

    def __init__(self, folder: Path, before_open: Callable[[str], None] | None = None) -> None:
        self._folder = folder
        self._before_open = before_open
        self._open: OrderedDict[str, Descriptor] = OrderedDict()
        self._guard = threading.Lock()

    def array(self, name: str, offset: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """The array of `shape` and `dtype` whose bytes begin at `offset` of the file `name`; writable, not shared.

        Raises:
            DamagedError: the file is missing, or ends before the array does.
        """
        self._require_room(name, offset, prod(shape) * np.dtype(dtype).itemsize)
        array = np.empty(shape, dtype)
        self._fill(name, offset, array.reshape(-1).view(np.uint8).data)
        return array

    def bytes(self, name: str, offset: int, nbytes: int) -> bytes:
        """`nbytes` bytes of the file `name` from `offset` on.

        Raises:
            DamagedError: the file is missing, or too short.
        """
        self._require_room(name, offset, nbytes)
        descriptor = self._descriptor(name)  # held while it is read: see _fill
        whole = os.pread(descriptor.number, nbytes, offset)
        if len(whole) == nbytes:
            return whole
        content = bytearray(nbytes)
        self._fill(name, offset, memoryview(content))
        return bytes(content)

    def _require_room(self, name: str, offset: int, nbytes: int) -> None:
        """No memory is taken for what a file cannot hold; small pieces are not worth the look."""
        if nbytes > _LARGE:
            size = os.fstat(self._descriptor(name).number).st_size
            if offset + nbytes > size:
                raise self._too_short(name, size, offset + nbytes)

    def _too_short(self, name: str, size: int, end: int) -> DamagedError:
        return DamagedError(
            f"{self._folder / name} ends at byte {size}, before an entry that ends at {end}.",
            "The shard is truncated: restore it from a copy or make it again.",
        )

    def _fill(self, name: str, offset: int, target: memoryview) -> None:
        # the local reference keeps the descriptor open even if another thread's read evicts it meanwhile
        descriptor = self._descriptor(name)
        done = 0
        while done < len(target):
            count = os.preadv(descriptor.number, [target[done:]], offset + done)
            if count == 0:
                size = os.fstat(descriptor.number).st_size
                raise self._too_short(name, size, offset + len(target))
            done += count

    def _descriptor(self, name: str) -> "Descriptor":
        with self._guard:
            if name in self._open:
                self._open.move_to_end(name)
                return self._open[name]
            if self._before_open:
                self._before_open(name)
            self._open[name] = Descriptor(self._folder / name)
            if len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)
            return self._open[name]


class Descriptor:
    """A read-only descriptor that closes when the last reference to it is gone.

    Raises:
        DamagedError: the file is missing.
    """

    def __init__(self, path: Path) -> None:
        self.number = -1
        try:
            self.number = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            raise DamagedError(f"{path} is missing.", "Restore it from a copy or make it again.") from None

    def __del__(self) -> None:
        if self.number >= 0:
            os.close(self.number)
