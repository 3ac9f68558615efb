"""Read members of a shard at known offsets, and check that a shard is whole.

Tar readers do not notice a file that was cut between two members, so wholeness is always size and SHA-256 against
what the manifest says, never "it could be opened".
"""

import io
import os
from collections import OrderedDict
from pathlib import Path

import numpy as np

from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.fingerprints import sha256_file

_REPAIR = "Make it again, or restore it from a copy; `macaw inspect --verify` lists everything that is damaged."


class ShardReader:
    """Positioned reads from many shards; keeps the last `max_open` files open. One thread at a time."""

    def __init__(self, max_open: int = 64) -> None:
        self._max_open = max_open
        self._open: OrderedDict[Path, int] = OrderedDict()

    def read(self, shard: Path, offset: int, nbytes: int) -> bytes:
        """`nbytes` bytes of `shard` from `offset` on.

        Raises:
            DamagedError: the file is missing or ends before that.
        """
        content = os.pread(self._descriptor(shard), nbytes, offset)
        while 0 < len(content) < nbytes:  # one read returns at most 2 GiB
            more = os.pread(self._descriptor(shard), nbytes - len(content), offset + len(content))
            if not more:
                break
            content += more
        if len(content) != nbytes:
            raise DamagedError(f"{shard} ends before byte {offset + nbytes}: it was cut.", _REPAIR)
        return content

    def read_npy(self, shard: Path, offset: int, nbytes: int) -> np.ndarray:
        """The `.npy` member whose content stands at `offset`; the array is read-only and never unpickled.

        Raises:
            DamagedError: the file is missing or cut, or holds something else there.
        """
        return parse_npy(self.read(shard, offset, nbytes), f"{shard}, byte {offset}")

    def close(self) -> None:
        """Close all files; the reader can be used again."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def __del__(self) -> None:
        self.close()

    def _descriptor(self, shard: Path) -> int:
        if shard in self._open:
            self._open.move_to_end(shard)
            return self._open[shard]
        try:
            self._open[shard] = os.open(shard, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise DamagedError(f"The shard {shard} is missing.", _REPAIR) from None
        if len(self._open) > self._max_open:
            os.close(self._open.popitem(last=False)[1])
        return self._open[shard]


def parse_npy(content: bytes, where: str) -> np.ndarray:
    """The array in the bytes of an `.npy` file, without copying and without pickle.

    Args:
        content: the whole file.
        where: named in the error.

    Raises:
        DamagedError: the bytes are not a whole `.npy` file of plain numbers.
    """
    header = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(header)
        parse = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = parse(header)
        if dtype.hasobject:
            raise ValueError("it holds Python objects")
        array = np.frombuffer(content, dtype, offset=header.tell())
        return array.reshape(shape, order="F" if fortran else "C")
    except ValueError as error:
        raise DamagedError(f"{where} is not a whole npy array ({error}).", _REPAIR) from None


def verify_size(shard: Path, nbytes: int) -> None:
    """Check the size of a shard: cheap, and notices every cut.

    Raises:
        DamagedError: the file is missing or has another size.
    """
    try:
        found = shard.stat().st_size
    except FileNotFoundError:
        raise DamagedError(f"The shard {shard} is missing.", _REPAIR) from None
    if found != nbytes:
        raise DamagedError(f"{shard} has {found} bytes, its manifest says {nbytes}: it was cut or changed.", _REPAIR)


def verify_shard(shard: Path, nbytes: int, sha256: str) -> None:
    """Check size and SHA-256 of a shard: reads it whole, and notices every change.

    Raises:
        DamagedError: the file is missing, has another size or other content.
    """
    verify_size(shard, nbytes)
    if sha256_file(shard) != sha256:
        raise DamagedError(f"{shard} has the right size but other content than when it was written.", _REPAIR)
