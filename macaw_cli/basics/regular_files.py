"""Files that are opened because somebody named them: never a pipe, a socket or a device, which could block for ever."""

import os
import stat
from io import BufferedReader
from pathlib import Path

from macaw_cli.basics.errors import InputError

_KINDS = (
    (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
)  # fmt: skip


def open_regular(path: Path | str) -> BufferedReader:
    """Open a regular file for reading; anything else is refused without waiting for whoever is at its other end.

    Raises:
        InputError: it is a folder, a pipe, a socket or a device.
        OSError: it does not exist or cannot be opened.
    """
    require_regular(path)
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        _require(os.fstat(descriptor).st_mode, path)  # it may have been exchanged in between
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def require_regular(path: Path | str) -> None:
    """Refuse what is there but no regular file.

    Raises:
        InputError: it is a folder, a pipe, a socket or a device.
        OSError: it does not exist, or may not be read.
    """
    _require(os.stat(path).st_mode, path)  # noqa: PTH116, a string as well as a path


def _require(mode: int, path: Path | str) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "not a regular file")
        raise InputError(f"{path} is {kind}, but a file is needed.", "Name a file.")
