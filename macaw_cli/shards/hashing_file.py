"""The file under a shard that is being written."""

import hashlib
from typing import BinaryIO

_CHUNK = 1 << 20


class HashingFile:
    """A file open for writing that knows the hash and the number of the bytes that went into it.

    Args:
        file: also open for reading where something is to be kept.
        keep: its first bytes, which stay; everything behind them is cut off.
    """

    def __init__(self, file: BinaryIO, keep: int = 0) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.nbytes = keep
        for position in range(0, keep, _CHUNK):
            self._hash.update(file.read(min(_CHUNK, keep - position)))
        if keep:
            file.seek(keep)
            file.truncate()

    def tell(self) -> int:
        """Bytes so far."""
        return self.nbytes

    def write(self, content: bytes) -> int:
        """Append."""
        self._hash.update(content)
        self.nbytes += len(content)
        return self._file.write(content)

    def sha256(self) -> str:
        """Hash of all bytes so far, in hex."""
        return self._hash.hexdigest()

    def flush(self) -> None:
        """Hand everything to the system."""
        self._file.flush()

    def fileno(self) -> int:
        """Descriptor of the file."""
        return self._file.fileno()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._file.closed
