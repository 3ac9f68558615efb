"""What the operating system refused, as one clear message: full disks, read-only places, limits."""

import errno

from macaw_cli.basics.errors import MacawError, ResourceError

_ROOM = "Free some space or choose another place, and run the same command again."
_PLACE = "Choose another place, or change its permissions."
_FILES = "Raise the limit on open files (`ulimit -n`) and run the same command again."
HINTS = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "Raise the limit on the size of files (`ulimit -f`) or choose another disk.",
    errno.EROFS: _PLACE,
    errno.EACCES: _PLACE,
    errno.EPERM: _PLACE,
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.ENOMEM: "Close other programs, or use a machine with more memory.",
    errno.EIO: "The disk or the network drive may be failing.",
    errno.ESTALE: "The network drive was remounted; run the same command again.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
    errno.ELOOP: "A symbolic link there points to itself.",
    errno.ETXTBSY: "Another program is using the file.",
}
"""Errors of the machine and of what was named, none of which is a bug, and what to do."""


def system_error(error: BaseException) -> MacawError | None:
    """The message for an error that is the machine's.

    Args:
        error: what came up.

    Returns:
        A `ResourceError`; None where `error` may be a bug and has to keep its traceback.
    """
    if isinstance(error, MemoryError):
        return ResourceError("There is not enough memory.", HINTS[errno.ENOMEM])
    if not isinstance(error, OSError) or error.errno not in HINTS:
        return None
    named = " -> ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    place = f"{named}: " if named else ""
    return ResourceError(f"{place}{error.strerror or errno.errorcode[error.errno]}.", HINTS[error.errno])
