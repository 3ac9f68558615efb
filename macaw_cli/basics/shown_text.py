"""Foreign text in messages: as much of it as a person reads, however long it is."""

import reprlib
from typing import Any

SHOWN_CHARACTERS = 200
MESSAGE_CHARACTERS = 4000
_END_SHARE = 4
"""A text that is cut in the middle keeps one character of so many for its end."""


def cut(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """The text itself; of a longer one its beginning and how long it is."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text):,} characters)"


def cut_in_the_middle(text: str, limit: int = MESSAGE_CHARACTERS) -> str:
    """The text itself; of a longer one its beginning and its end."""
    if len(text) <= limit:
        return text
    end = limit // _END_SHARE
    return f"{text[: limit - end]} ... ({len(text):,} characters) ... {text[-end:]}"


def shown(value: Any, limit: int = SHOWN_CHARACTERS) -> str:
    """`repr` of a value, cut; what is large or deep is never written out whole, which would cost time and memory."""
    if isinstance(value, str):
        return repr(value) if len(value) <= limit else f"{value[:limit]!r}... ({len(value):,} characters)"
    return cut(_brief(limit).repr(value), limit)


def _brief(limit: int) -> reprlib.Repr:
    brief = reprlib.Repr()
    brief.maxlevel = 6
    brief.maxdict = brief.maxlist = brief.maxtuple = brief.maxset = 20
    brief.maxstring = brief.maxother = brief.maxlong = limit
    return brief
