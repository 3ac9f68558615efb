"""The names that somebody may have meant, for messages about an unknown one."""

from collections.abc import Iterable

LONGEST = 200
"""Characters of a name that is looked at; comparing takes time by the product of both lengths."""


def closest(name: str, known: Iterable[str], count: int = 1, *, likeness: float = 0.6) -> list[str]:
    """Known names that resemble `name`, the most similar first; none for one of absurd length.

    Args:
        name: what was given.
        known: what is possible.
        count: how many to give at most.
        likeness: from 0 to 1, see `difflib.SequenceMatcher.ratio`.
    """
    import difflib  # only for messages

    if len(name) > LONGEST:
        return []
    return difflib.get_close_matches(name, [other for other in known if len(other) <= LONGEST], count, likeness)
