"""How a full disk shows while DeepSpeed writes, and what the user is told; torch does not say why it cannot write."""

import errno
from pathlib import Path

from macaw_cli.basics.disk import free_space, human_bytes
from macaw_cli.basics.errors import ResourceError
from macaw_cli.training.checkpoints.folder import checkpoints

MAKE_ROOM = "Free some space and run `macaw train --resume`; --set training.keep_checkpoints=1 needs the least space."


ALMOST_FULL = 64 * 2**20
"""Bytes: with less than this left, a write that failed did so for want of room."""


def is_failed_write(error: Exception) -> bool:
    """Whether this is how Python says that there is no room, or torch that it could not write."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return says_failed_write(str(error))


def says_failed_write(text: str) -> bool:
    """Whether the words of an error tell of a failed write."""
    return _says_no_room(text) or any(
        word in text for word in ("PytorchStreamWriter", "inline_container", "file write failed")
    )


def _says_no_room(text: str) -> bool:
    return any(word in text for word in ("No space left", "quota exceeded"))


def not_written(folder: Path, error: Exception | str, what: str = "A checkpoint") -> ResourceError:
    """What to raise: that the disk is full, where that is known or can be seen, and the checkpoint that is still good.

    Args:
        folder: of the run's checkpoints.
        error: what Python or torch said; to be asked before what was written is removed.
        what: could not be written.
    """
    kept = checkpoints(folder)
    last = f"The last complete one is {kept[-1].name}." if kept else "There is no earlier one."
    return ResourceError(
        f"{what} could not be written to {folder}: {_reason(folder, error)}. {last}",
        MAKE_ROOM,
    )


def _reason(folder: Path, error: Exception | str) -> str:
    free = free_space(folder)
    if isinstance(error, OSError) or _says_no_room(str(error)) or free < ALMOST_FULL:
        return "the disk is full"
    said = (str(error).strip().splitlines() or ["for an unknown reason"])[-1]
    return f"{said} ({human_bytes(free)} are free there; a quota or a file limit may be the cause)"
