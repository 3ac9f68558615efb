"""What weights are called in a family's checkpoints and in a model of macaw: one table for both directions. Pure."""

import re
from collections.abc import Sequence
from functools import lru_cache

Pairs = tuple[tuple[str, str], ...]
"""Beginnings of names, theirs and ours; `*` is a number, the same on both sides; `{llm}` is what the LLM's class calls
the LLM without its head, such as `model`."""


def ours_of(pairs: Pairs, name: str, llm: str = "model") -> str | None:
    """A macaw model's name of a family's weight; None where it has none. The longest beginning counts."""
    return _renamed(pairs, name, llm)


def theirs_of(pairs: Pairs, name: str, llm: str = "model") -> str | None:
    """A family's name of a macaw model's weight; None where it has none. The longest beginning counts."""
    return _renamed(tuple((ours, theirs) for theirs, ours in pairs), name, llm)


def _renamed(pairs: Pairs, name: str, llm: str) -> str | None:
    found = [(match, new) for pattern, new in _patterns(pairs, llm) if (match := pattern.match(name))]
    if not found:
        return None
    match, new = max(found, key=lambda one: one[0].end())
    for number in match.groups():
        new = new.replace("*", number, 1)
    return new + name[match.end() :]


@lru_cache(maxsize=32)
def _patterns(pairs: Pairs, llm: str) -> Sequence[tuple[re.Pattern[str], str]]:
    filled = [(one.replace("{llm}", llm), other.replace("{llm}", llm)) for one, other in pairs]
    return [(re.compile(re.escape(one).replace(r"\*", r"(\d+)")), other) for one, other in filled]
