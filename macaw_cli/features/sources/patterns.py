"""Patterns in the names of sources, and names that are refused whatever stands behind them."""

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
        raise InputError(f"{pattern} has a brace that is not closed.", "Write {00000..00012}.") from None


def refuse_compressed(place: str) -> None:
    """Tell that a compressed tar has no positions to read from.

    Raises:
        InputError: `place` is named like one.
    """
    if place.lower().endswith(_COMPRESSED):
        raise InputError(f"{place} is a compressed tar, in which nothing can be found.", "Unpack it to a plain .tar.")
