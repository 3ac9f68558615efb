"""One writer per folder: a lock file that names the command holding it.

The lock is the operating system's (flock), so it goes with the process, however it ends; the text in the file
only tells the second writer who the first one is.
"""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import read_json
from macaw_cli.basics.command_line import typed_command
from macaw_cli.basics.errors import InputError, LockedError
from macaw_cli.basics.redaction import redacted
from macaw_cli.basics.shown_text import cut
from macaw_cli.basics.system_errors import system_error
from macaw_cli.basics.typed_rows import COUNT, TEXT, Fields
from macaw_cli.basics.working_files import kind_of, open_descriptor, remove_leftovers

LOCK_NAME = ".macaw.lock"
_BEGINS = b'{"pid": '
"""How the content of every lock file begins."""
_HOLDER = Fields({"command": TEXT, "pid": COUNT, "host": TEXT})
_held: set[int] = set()
"""Descriptors of the locks that this process holds."""


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the folder's writer lock for the duration of the block; what dead writers were making is removed first.

    Raises:
        LockedError: another process holds it; the message names that command and its process id.
        InputError: `folder` is a file; or the lock is a link, or a file that macaw did not create.
        ResourceError: it may not be written, or the disk is full.
    """
    lock = _open(folder)
    _held.add(lock)
    try:
        _take(lock, folder)
        remove_leftovers(folder)
        yield
        if lock in _held:  # not so in a forked child that comes along here
            os.ftruncate(lock, 0)
    finally:
        if lock in _held:
            _held.discard(lock)
            os.close(lock)


@contextmanager
def file_lock(file: Path) -> Iterator[None]:
    """Be the only macaw command that writes a file, which is made where there is none.

    Raises:
        LockedError: another process holds the lock.
        InputError: it is a link or no file.
        OSError: it cannot be opened.
    """
    descriptor = open_descriptor(file, os.O_RDWR | os.O_CREAT)
    _held.add(descriptor)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(f"Another macaw command writes {file}.", "Wait for it, or stop it first.") from None
        yield
    finally:
        if descriptor in _held:
            _held.discard(descriptor)
            os.close(descriptor)


def is_locked(folder: Path) -> bool:
    """Whether another command is writing in the folder now."""
    try:
        lock = open_descriptor(folder / LOCK_NAME, os.O_RDONLY)
    except (OSError, InputError):
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def writer_of(folder: Path) -> str:
    """The command that is writing in the folder now, as a message names it; empty where none is."""
    return _holder(folder) if is_locked(folder) else ""


def describe_holder() -> dict[str, Any]:
    """This process and what was typed to start it, for whoever finds its lock: `pid`, `host` and `command`."""
    return {"pid": os.getpid(), "host": socket.gethostname(), "command": redacted(" ".join(typed_command()))}


def _open(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open_descriptor(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT)
    except (FileExistsError, NotADirectoryError):
        raise InputError(
            f"{folder} cannot be created: a file of that name is in the way.",
            "Choose another folder.",
        ) from None
    except OSError as error:
        raise system_error(error) or error from None
    begins = os.pread(lock, len(_BEGINS), 0)
    if _BEGINS.startswith(begins):
        return lock
    os.close(lock)
    raise InputError(f"{folder / LOCK_NAME} was not written by macaw.", "Move it away, or choose another folder.")


def _take(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        problem = f"{folder} is being written by {_holder(folder)}."
        raise LockedError(problem, "Wait for it, or stop it first.") from None
    with contextlib.suppress(OSError):  # on a full disk the lock holds as well; only its holder stays unnamed
        os.ftruncate(lock, 0)
        os.write(lock, json.dumps(describe_holder()).encode())


def _holder(folder: Path) -> str:
    if kind_of(folder / LOCK_NAME) != "a file":
        return "another macaw command"
    try:
        owner = _HOLDER.checked(read_json(folder / LOCK_NAME), LOCK_NAME)
        return f"`{cut(owner['command'])}` (process {owner['pid']} on {cut(owner['host'])})"
    except (OSError, InputError):
        return "another macaw command"


def _close_in_child() -> None:
    """A forked process, such as a decoder, must not keep the lock alive when its parent is killed."""
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_close_in_child)
