"""How a full disk shows while DeepSpeed writes, and what the user is told."""

import errno
from pathlib import Path

from macaw_cli.basics.errors import ResourceError
from macaw_cli.training.checkpoints.folder import checkpoints

MAKE_ROOM = "Free some space and type `macaw train --resume`; --set training.keep_checkpoints=1 needs the least."


def disk_is_full(error: Exception) -> bool:
    """Whether this is how Python or torch say that nothing more could be written."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return says_disk_is_full(str(error))


def says_disk_is_full(text: str) -> bool:
    """The same for the words of an error; torch's own writer, in C++, only says that it could not write."""
    words = ("PytorchStreamWriter", "inline_container", "file write failed", "No space left", "quota exceeded")
    return any(word in text for word in words)


def full_disk(folder: Path, what: str = "A checkpoint") -> ResourceError:
    """The error, with the checkpoint that is still good."""
    kept = checkpoints(folder)
    last = f"The last good one is {kept[-1].name}." if kept else "There is none before it."
    return ResourceError(
        f"{what} could not be written to {folder}: the disk is full. {last}",
        MAKE_ROOM,
    )
