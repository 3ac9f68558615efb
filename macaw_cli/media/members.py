"""A piece of a larger file (a member of a tar) as a file of its own, for decoders that take nothing but paths."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.regular_files import open_regular

_IN_MEMORY_BYTES = 256 << 20
"""Larger pieces go to the disk: one lies here for each decoder process."""
_STEP = 16 << 20


@contextmanager
def member_file(path: str, offset: int, size: int, name: str, folder: str | None = None) -> Iterator[Path]:
    """The bytes [offset, offset + size) of `path` under a temporary path that has the extension of `name`.

    On Linux the bytes lie in memory, above 256 MiB in a file without a name, and only a link stands at the path: a
    process that is killed leaves nothing large behind.

    Args:
        path: the whole file, on this machine.
        offset: where the piece begins.
        size: its bytes.
        name: what it is called.
        folder: an existing one in which the path may stand; None makes one and removes it.

    Raises:
        InputError: no such file, or it ends before the piece does.
    """
    with ExitStack() as stack:
        folder = folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="macaw-member-"))
        file = Path(folder) / f"{os.getpid()}{PurePosixPath(name).suffix[:16]}"
        stack.callback(file.unlink, missing_ok=True)
        if sys.platform == "linux":
            content = stack.enter_context(_nameless(size))
            _copy(path, offset, size, name, content)
            file.symlink_to(f"/proc/{os.getpid()}/fd/{content.fileno()}")
        else:
            with file.open("wb") as content:
                _copy(path, offset, size, name, content)
        yield file


def _nameless(size: int) -> BinaryIO:
    if sys.platform == "linux" and size <= _IN_MEMORY_BYTES:
        return os.fdopen(os.memfd_create("macaw-member"), "w+b")
    return tempfile.TemporaryFile()


def _copy(path: str, offset: int, size: int, name: str, content: BinaryIO) -> None:
    try:
        with open_regular(path) as whole:
            whole.seek(offset)
            while size:
                piece = whole.read(min(size, _STEP))
                if not piece:
                    raise InputError(f"{path} ends before its member {name} does.")
                content.write(piece)
                size -= len(piece)
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    content.flush()
