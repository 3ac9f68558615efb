"""One writer per remote store: an object that names it, written only where there is none.

Nothing removes it when its writer is killed. So who finds one of a process of the same machine that is gone takes it
over; one of another machine is for people to judge.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError, LockedError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.locks import LOCK_NAME, describe_holder
from macaw_cli.basics.remote_files import driver_errors_are_told, is_of_driver, open_filesystem
from macaw_cli.basics.typed_rows import COUNT, TEXT, Fields
from macaw_cli.basics.urls import joined, without_secrets

_HOLDER = Fields({"pid": COUNT, "host": TEXT}, {"command": TEXT, "started": TEXT, "time": TEXT})
_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "pre-conditions")


@contextmanager
def remote_lock(url: str) -> Iterator[None]:
    """Hold the lock object of the store at `url` for the duration of the block.

    Raises:
        LockedError: another process holds it; the message names it.
        InputError: the place may not be written.
        ResourceError: it cannot be reached.
    """
    place = joined(url, LOCK_NAME)
    filesystem, path = open_filesystem(place)
    me = {**describe_holder(), "started": _started(os.getpid()), "time": time.strftime("%Y-%m-%d %H:%M:%S %z")}
    content = json.dumps(me).encode()
    with driver_errors_are_told(place, "written"):
        if not _write_new(filesystem, path, content):
            holder = _holder(filesystem, path)
            if not _is_gone(holder):
                _refuse(url, place, holder)
            filesystem.pipe_file(path, content)
    try:
        yield
    finally:
        with suppress(Exception):  # an object that stays behind is taken over, or told with how to remove it
            if filesystem.cat_file(path) == content:
                filesystem.rm_file(path)


def _write_new(filesystem: Any, path: str, content: bytes) -> bool:
    """Write the object unless there is one; on S3 that is one step, elsewhere two."""
    if filesystem.exists(path):
        return False
    try:
        filesystem.pipe_file(path, content, mode="create")
    except FileExistsError:
        return False
    except Exception as error:
        if is_of_driver(error) and any(word in str(error) for word in _TAKEN):
            return False
        raise
    return True


def _holder(filesystem: Any, path: str) -> dict[str, Any]:
    try:
        found = parse_json(filesystem.cat_file(path))
    except (InputError, FileNotFoundError):
        return {}
    return found if _HOLDER.holds(found) else {}


def _is_gone(holder: dict[str, Any]) -> bool:
    """Whether the holder was a process of this machine that has ended; a number may be another process's by now."""
    if holder.get("host") != describe_holder()["host"]:
        return False
    return _started(int(holder.get("pid", -1))) != holder.get("started")


def _started(pid: int) -> str:
    """When a process of this machine was started, in its clock's ticks; empty when there is none."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        ticks = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
        return f"{boot}:{ticks}"
    except (OSError, IndexError):
        return ""


def _refuse(url: str, place: str, holder: dict[str, Any]) -> None:
    who = "another macaw command"
    if holder:
        who = f"`{holder.get('command')}` (process {holder.get('pid')} on {holder.get('host')}, {holder.get('time')})"
    raise LockedError(
        f"{without_secrets(url)} is being written by {who}.",
        f"Wait for it, or stop it first. If it was killed, remove {without_secrets(place)} and run the command again.",
    )
