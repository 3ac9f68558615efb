"""Read what stands in a shard, and check that a shard is whole.

Tar readers do not notice a file that was cut between two members, so wholeness is always size and SHA-256 against
what the manifest says, never "it could be opened".
"""

from pathlib import Path

from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.fingerprints import sha256_file

HEADER_BYTES = 512
_REPAIR = "Make it again, or restore it from a copy; `macaw inspect --verify` lists everything that is damaged."


def member_name(header: bytes) -> tuple[str, int]:
    """Name and size of the member whose header block this is; an empty name when it is none.

    Args:
        header: the `HEADER_BYTES` bytes before a member's content.
    """
    name, _, _ = header[:100].partition(b"\0")
    try:
        return name.decode(), int(header[124:136].strip(b"\0 "), 8)
    except ValueError:
        return "", 0


def verify_size(shard: Path, nbytes: int) -> None:
    """Check the size of a shard: cheap, and notices every cut.

    Raises:
        DamagedError: the file is missing or has another size.
    """
    try:
        found = shard.stat().st_size
    except FileNotFoundError:
        raise DamagedError(f"{shard} is missing.", _REPAIR) from None
    if found != nbytes:
        raise DamagedError(
            f"{shard} has {found} bytes, but its manifest says {nbytes}: it was truncated or changed.",
            _REPAIR,
        )


def verify_shard(shard: Path, nbytes: int, sha256: str) -> None:
    """Check size and SHA-256 of a shard: reads it whole, and notices every change.

    Raises:
        DamagedError: the file is missing, has another size or other content.
    """
    verify_size(shard, nbytes)
    if sha256_file(shard) != sha256:
        raise DamagedError(f"{shard} has the right size, but its content has changed since it was written.", _REPAIR)
