"""Room on the disk, asked for before work starts, and the error of a disk that filled up all the same."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from macaw_cli.basics.errors import ResourceError


def human_bytes(count: float) -> str:
    """1536 -> '1.5 KiB'."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def free_space(folder: Path) -> int:
    """Bytes that are free on the disk that holds `folder`, which need not exist yet."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    return shutil.disk_usage(existing).free


def require_free_space(
    folder: Path, needed_bytes: int, hint: str = "Free some space or choose another place with --out."
) -> None:
    """Raise before any work when the disk that holds `folder` has too little room.

    Args:
        folder: need not exist yet.
        needed_bytes: what will be written.
        hint: what to do then, where the command has no --out.

    Raises:
        ResourceError: less than `needed_bytes` are free.
    """
    free = free_space(folder)
    if free < needed_bytes:
        raise ResourceError(
            f"{folder} needs about {human_bytes(needed_bytes)}, but only {human_bytes(free)} are free there.",
            hint,
        )


@contextmanager
def disk_full_is_told(
    folder: Path, hint: str = "Free some space and run the same command again: it continues."
) -> Iterator[None]:
    """Turn 'no space left on device' into one clear message; what was written whole stays.

    Args:
        folder: what is written to.
        hint: what to do then, where the same command would begin anew.

    Raises:
        ResourceError: the disk that holds `folder` is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ResourceError(
            f"The disk that holds {folder} is full. Everything finished before is kept.",
            hint,
        ) from error
