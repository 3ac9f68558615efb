"""Patterns in the names of sources, and names that are refused whatever stands behind them."""

from fnmatch import fnmatchcase

from braceexpand import braceexpand

from macaw_cli.basics.errors import InputError

_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst")


def expand_braces(pattern: str) -> list[str]:
    """`{00..02}.tar` as `00.tar`, `01.tar`, `02.tar`.

    Raises:
        InputError: a brace is not closed.
    """
    try:
        return list(braceexpand(pattern))
    except ValueError:
        raise InputError(f"{pattern} has an unclosed brace.", "Write it as in {00000..00012}.") from None


def fits(pattern: str, path: str) -> bool:
    """Whether a glob pattern means a path, or a folder above it: `**` stands for any number of folders.

    Args:
        pattern: an absolute one, without braces.
        path: absolute; nothing need be there.
    """
    return _fits(pattern.strip("/").split("/"), path.strip("/").split("/"))


def _fits(pattern: list[str], parts: list[str]) -> bool:
    if not pattern:
        return True
    if pattern[0] == "**":
        return any(_fits(pattern[1:], parts[skipped:]) for skipped in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _fits(pattern[1:], parts[1:])


def refuse_compressed(place: str) -> None:
    """Tell that a compressed tar has no positions to read from.

    Raises:
        InputError: `place` is named like one.
    """
    if place.lower().endswith(_COMPRESSED):
        raise InputError(
            f"{place} is a compressed tar, which cannot be read by position.",
            "Unpack it to a plain .tar.",
        )
