"""One name, one file: sources of different places may call different files the same."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from macaw_cli.basics import console
from macaw_cli.basics.urls import is_url, without_secrets
from macaw_cli.features.remote.fetching import drop_copy
from macaw_cli.features.source import Refused, Source


class UniqueNames:
    """The names given so far, in some 200 bytes each.

    Who comes first has the name; who comes later is called by more of its path. So the same sources in the same order
    give the same names, however often the work was interrupted.
    """

    def __init__(self) -> None:
        self._files: dict[bytes, bytes] = {}
        self._told = False

    def named(self, entry: Source | Refused) -> Source | Refused | None:
        """The item with a unique name, or None when it was named before."""
        name = entry.name if isinstance(entry, Source) else str(entry.row["path"])
        own = self._claim(name, entry)
        if own == name:
            return entry
        if own is None:
            drop_copy(entry.staged if isinstance(entry, Source) else "")
            return None
        if not self._told:
            console.say(f"{name} is the name of more than one file: later ones are called {own} and so on.")
            self._told = True
        return replace(entry, name=own) if isinstance(entry, Source) else replace(entry, row={**entry.row, "path": own})

    def _claim(self, name: str, entry: Source | Refused) -> str | None:
        place = _place(entry.file)
        offset = entry.offset if isinstance(entry, Source) else None
        me = _digest(f"{place}\0{offset}")
        last_resort = f"{me.hex()[:12]}/{name}"
        for candidate in chain([name], _longer(name, place), [last_resort]):
            digest = _digest(candidate)
            owner = self._files.get(digest)
            if owner is None:
                self._files[digest] = me
                return candidate
            if owner == me:
                return None
        return None


def _place(file: str) -> str:
    if is_url(file):
        return without_secrets(file).replace("://", "/")
    return os.path.abspath(file).lstrip("/") if file else ""  # noqa: PTH100, a string as all places are


def _longer(name: str, place: str) -> Iterator[str]:
    """`images/a.png`, which lies at `data/d2/images/a.png`, as `d2/images/a.png`, then as `data/d2/images/a.png`."""
    parts = place.split("/")
    ends = ["/".join(parts[first:]) for first in range(len(parts))]
    for known, end in enumerate(ends):  # the longest first; a clip or a tar's member has more behind the file's name
        if end and name.startswith(end) and name[len(end) :][:1] in ("", "/", "#"):
            yield from (longer + name[len(end) :] for longer in reversed(ends[:known]))
            return


def _digest(text: str) -> bytes:
    return hashlib.blake2b(os.fsencode(text), digest_size=16).digest()
