"""Bytes of remote files, to this machine and back."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, cast

from macaw_cli.basics.background import abandonable
from macaw_cli.basics.remote_files import open_filesystem, with_retries
from macaw_cli.basics.working_files import open_own

_AT_ONCE = 8 << 20
"""Bytes that one request asks for when a part of a file is fetched."""
_PIECE = 1 << 20
"""Bytes that are asked of a file that is read from afar."""


def fetch(url: str, target: Path, offset: int | None = None, size: int | None = None) -> None:
    """Fetch a remote file, or `size` bytes of it from `offset` on, to the file `target`.

    Raises:
        Exception: the driver's own (see `driver_errors_are_told`), after some tries.
    """
    filesystem, path = open_filesystem(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    if offset is None or size is None:
        with_retries(partial(_get_file, filesystem, path, target))
        return
    with open_own(target, "wb") as out:
        for start in range(offset, offset + size, _AT_ONCE):
            end = min(start + _AT_ONCE, offset + size)
            part: bytes = with_retries(partial(filesystem.cat_file, path, start=start, end=end))
            if len(part) != end - start:
                raise OSError(0, "the file ends before it")
            out.write(part)


@contextmanager
def open_remote(url: str) -> Iterator[BinaryIO]:
    """A remote file, read from afar piece by piece.

    Raises:
        Exception: the driver's own (see `driver_errors_are_told`).
    """
    filesystem, path = open_filesystem(url)
    with abandonable(partial(filesystem.open, path, "rb")) as file:
        yield cast(BinaryIO, BufferedReader(_Remote(file), _PIECE))


class _Remote(RawIOBase):
    """A file of a driver, on whose server nobody waits longer than the thread may."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:
        piece: bytes = abandonable(partial(self._file.read, len(buffer)))
        buffer[: len(piece)] = piece
        return len(piece)


def _get_file(filesystem: Any, path: str, target: Path) -> None:
    filesystem.get_file(path, str(target))
    if not target.is_file():
        raise FileNotFoundError(path)


def send(file: Path, url: str) -> None:
    """Write a file of this machine to a remote place, whole, and see that it is there.

    Raises:
        Exception: the driver's own (see `driver_errors_are_told`), after some tries.
    """
    filesystem, path = open_filesystem(url)
    with_retries(partial(_put_file, filesystem, file, path))


def _put_file(filesystem: Any, file: Path, path: str) -> None:
    wanted = file.stat().st_size
    filesystem.put_file(str(file), path)
    found = filesystem.info(path)["size"]
    if not wanted <= found <= file.stat().st_size:  # rows may have been added to it meanwhile
        raise OSError(0, f"{found} bytes arrived of {wanted}")


def remove(url: str) -> None:
    """Remove a remote file; one that is not there is fine.

    Raises:
        Exception: the driver's own (see `driver_errors_are_told`), after some tries.
    """
    filesystem, path = open_filesystem(url)
    with suppress(FileNotFoundError):
        with_retries(partial(filesystem.rm_file, path))
