"""One writer per folder: a lock file that names the command holding it.

The lock is the operating system's (flock), so it goes with the process, however it ends; the text in the file
only tells the second writer who the first one is.
"""

import fcntl
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from macaw_cli.basics.errors import LockedError

LOCK_NAME = ".macaw.lock"


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the folder's writer lock for the duration of the block.

    Raises:
        LockedError: another process holds it; the message names that command and its process id.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_NAME).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(
                f"{folder} is being written by {_holder(folder)}.", "Wait for it, or stop it first."
            ) from None
        lock.truncate(0)
        command = " ".join(["macaw", *sys.argv[1:]])
        lock.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "command": command}))
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)


def _holder(folder: Path) -> str:
    try:
        owner = json.loads((folder / LOCK_NAME).read_text())
        return f"`{owner['command']}` (process {owner['pid']} on {owner['host']})"
    except (OSError, ValueError, KeyError):
        return "another macaw command"
