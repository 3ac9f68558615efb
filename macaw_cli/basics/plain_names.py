"""Names of files that are read from files: one plain component of a path, never a way out of the folder."""

import functools
from typing import Any

from macaw_cli.basics.errors import DamagedError

_MOST_BYTES = 255
_SHOWN = 80


def plain_name(name: Any, where: str, suffix: str = "") -> str:
    """Check a file name that stands in a JSON file, such as the `shard` of a manifest row.

    Args:
        name: what stands there.
        where: the file that it was read from, for the message.
        suffix: how the name must end.

    Returns:
        The name.

    Raises:
        DamagedError: it is no plain file name.
    """
    if type(name) is str and is_plain_name(name) and name.endswith(suffix):
        return name
    wanted = f"plain file name that ends in {suffix}" if suffix else "plain file name"
    raise DamagedError(
        f"{where} names the file {ascii(name)[:_SHOWN]}, expected a {wanted}.", "Restore it from a trusted copy."
    )


def shard_name(name: Any, where: str) -> str:
    """`plain_name` of a tar."""
    return plain_name(name, where, ".tar")


@functools.lru_cache(maxsize=4096)
def is_plain_name(name: str) -> bool:
    """Whether a text is a plain file name. Cached, as the rows of a manifest repeat a few names a million times."""
    if not name or name.startswith(".") or not name.isprintable():
        return False
    return not set(name) & {"/", "\\", "\0"} and len(name.encode(errors="surrogateescape")) <= _MOST_BYTES


@functools.lru_cache(maxsize=4096)
def is_shard_name(name: str) -> bool:
    """Whether a text is a plain file name of a tar."""
    return name.endswith(".tar") and is_plain_name(name)
