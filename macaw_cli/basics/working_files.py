"""Files and folders in the making: names that are unique to a process, and opening that follows no link.

A working name says which process made it: `.model.macaw-<host>-<pid>-<start>-<random>.tmp`. So what a killed process
has left is known again, and is removed only when that process is gone. A folder that was replaced ends in `.old`.
"""

import errno
import functools
import hashlib
import os
import re
import secrets
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Literal

from macaw_cli.basics.errors import InputError

Role = Literal["tmp", "old"]
_FORM = re.compile(r"\.(.+)\.macaw-([0-9a-f]{8})-([0-9]+)-([0-9]+)-[0-9a-f]{8}\.(tmp|old)", re.DOTALL)
_LONGEST_NAME = 120
"""Bytes of a name that are repeated in its working name; a longer one is replaced by its hash."""
_KINDS = (
    (stat.S_ISLNK, "a link"), (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"), (stat.S_ISREG, "a file"),
)  # fmt: skip
_FLAGS = {"wb": os.O_RDWR | os.O_CREAT, "r+b": os.O_RDWR, "ab": os.O_WRONLY | os.O_CREAT | os.O_APPEND}
_MOVE_IT = "macaw writes there. Move it away first."


def kind_of(path: Path) -> str:
    """`a link`, `a folder`, `a file` and so on; empty when there is nothing. A link is not followed."""
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ""
    return next((name for test, name in _KINDS if test(mode)), "something else")


def working_name(name: str, role: Role = "tmp") -> str:
    """A name for what will become `name`, or was replaced by it, that no other process and no other call has."""
    return f".{_stem(name)}.macaw-{_host()}-{os.getpid()}-{_started(os.getpid())}-{secrets.token_hex(4)}.{role}"


def working_folder(final: Path) -> Path:
    """Make a new folder beside `final`, whose name it gets when it is whole (`publish_folder`)."""
    final.parent.mkdir(parents=True, exist_ok=True)
    folder = final.with_name(working_name(final.name))
    folder.mkdir()
    return folder


def is_working_name(name: str) -> bool:
    """Whether it is the name of something in the making."""
    return bool(_FORM.fullmatch(name))


def remove_leftovers(folder: Path, name: str | None = None, role: Role | None = None) -> None:
    """Remove what dead processes of this machine and user were making in `folder`.

    Args:
        folder: where to look.
        name: only what was to become this; None removes everything.
        role: only this kind of leftovers.
    """
    for path, match in _in_the_making(folder, name):
        if role in (None, match[5]) and not _is_alive(match) and os.lstat(path).st_uid == os.geteuid():
            remove_own(path)


def is_in_the_making(final: Path) -> bool:
    """Whether another live process of this machine makes a file or folder `final` now."""
    return any(match[5] == "tmp" and _is_alive(match) for _, match in _in_the_making(final.parent, final.name))


def remove_own(path: Path) -> None:
    """Remove a file or a folder that macaw made; nothing behind a link is touched, and nothing there is fine."""
    if kind_of(path) == "a folder":
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def remove_file(path: Path) -> None:
    """Remove a file of a fixed name, or a link of that name, but never a folder; nothing there is fine.

    Raises:
        InputError: a folder is in its place.
    """
    if kind_of(path) == "a folder":
        raise InputError(f"{path} is a folder, expected a file.", _MOVE_IT)
    path.unlink(missing_ok=True)


def take_place(temporary: Path, target: Path) -> None:
    """Rename a file that is whole to its name, in place of an older one.

    Raises:
        InputError: `target` is a link, a folder, a pipe or a device.
    """
    require_replaceable(target)
    temporary.replace(target)


def make_folder(folder: Path) -> None:
    """Make a folder of a fixed name inside one of macaw's own, unless it is there.

    Raises:
        InputError: a link or a file is in its place.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        if (found := kind_of(folder)) != "a folder":
            raise InputError(f"{folder} is {found}, expected a folder.", _MOVE_IT) from None


def require_replaceable(target: Path) -> None:
    """Refuse to put a file in the place of anything but a file.

    Raises:
        InputError: `target` is a link, a folder, a pipe or a device.
    """
    if (found := kind_of(target)) not in ("", "a file"):
        raise InputError(f"{target} is {found}, expected a file or nothing.", "Move it away, or name another place.")


def open_own(path: Path, mode: Literal["wb", "r+b", "ab"]) -> BinaryIO:
    """Open a file of a fixed working name; no link is followed, and no file of two names is changed.

    Args:
        path: of the file.
        mode: as for `open`; `wb` empties the file only after it is known to be a plain one.

    Raises:
        InputError: it is a link, has a second name (it is a hard link), or is no file.
        OSError: it cannot be opened, as it does not exist.
    """
    descriptor = open_descriptor(path, _FLAGS[mode])
    if mode == "wb":
        os.ftruncate(descriptor, 0)
    return os.fdopen(descriptor, "r+b" if mode == "wb" else mode)


def open_descriptor(path: Path, flags: int) -> int:
    """`open_own` for whoever needs a descriptor."""
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.EMLINK) and kind_of(path) != "a file":
            raise InputError(f"{path} is {kind_of(path)}, expected a file.", _MOVE_IT) from None
        raise
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_nlink <= 1:
        return descriptor
    os.close(descriptor)
    what = "has a second name (a hard link)" if stat.S_ISREG(found.st_mode) else f"is {kind_of(path)}, expected a file"
    raise InputError(f"{path} {what}.", _MOVE_IT)


def _in_the_making(folder: Path, name: str | None) -> Iterator[tuple[Path, re.Match[str]]]:
    stem = None if name is None else _stem(name)
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if ".macaw-" in entry.name and (match := _FORM.fullmatch(entry.name)) and stem in (None, match[1]):
                yield folder / entry.name, match


def _is_alive(match: re.Match[str]) -> bool:
    """Whether the process that made the name may still run; of another machine's process this is unknown."""
    host, pid, started = match[2], int(match[3]), match[4]
    return host != _host() or ((pid == os.getpid() or _exists(pid)) and _started(pid) == started)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _started(pid: int) -> str:
    """When a process was started, in the system's own clock; "0" where the system does not tell."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    return "0"


@functools.cache
def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _stem(name: str) -> str:
    encoded = os.fsencode(name)
    return name if len(encoded) <= _LONGEST_NAME else hashlib.sha256(encoded).hexdigest()[:32]
