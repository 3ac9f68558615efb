"""Rejects on disk as they are found, for `rejects.jsonl`: counted, and only the first ones in memory."""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from macaw_cli.basics.atomic_files import atomic_path, iterate_jsonl, jsonl_line
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.working_files import open_own
from macaw_cli.dataset.rejects import CHECKS, Reject

SHOWN = 3
"""Rejects that are shown to the user."""
SECTIONS = ("read", "join", "order", "whole", "split", "leak")
"""What happens to a conversation one after another, and may reject it."""
Section = Literal["read", "join", "order", "whole", "split", "leak"]


class RejectsLog:
    """All rejects of a build, section by section, each in the order of the conversations.

    Args:
        folder: for the files.

    Attributes:
        by_filter: number of rejects of each check and filter.
        by_source: number of rejects of each source.
    """

    def __init__(self, folder: Path) -> None:
        self._paths = [folder / f"rejects-{name}.jsonl" for name in SECTIONS]
        self._files = {name: open_own(path, "wb") for name, path in zip(SECTIONS, self._paths, strict=True)}
        self._first: dict[str, list[Reject]] = {name: [] for name in SECTIONS}
        self.by_filter: Counter[str] = Counter()
        self.by_source: Counter[int] = Counter()

    def add(self, section: Section, reject: Reject) -> None:
        """One more."""
        self.by_filter[reject.filter] += 1
        self.by_source[reject.origin.source] += 1
        self._files[section].write(jsonl_line(reject.to_json()).encode())
        if len(self._first[section]) < SHOWN:
            self._first[section].append(reject)

    def __len__(self) -> int:
        return sum(self.by_filter.values())

    @property
    def first(self) -> Sequence[Reject]:
        """The first ones."""
        return [reject for name in SECTIONS for reject in self._first[name]][:SHOWN]

    def counts(self, filters: Sequence[str]) -> dict[str, int]:
        """Number of rejects of each check and of these filters, zeros included."""
        return {name: self.by_filter[name] for name in (*CHECKS, *filters)}

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def write(self, target: Path) -> None:
        """All of them as one JSONL file, whole or not at all."""
        with atomic_path(target) as temporary, temporary.open("wb") as whole:
            for path in self._paths:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, whole)


def first_reason(rejects: Path) -> str:
    """Of a conversation that failed a check; where none did, of one that a chosen filter dropped.

    Args:
        rejects: the file that `RejectsLog.write` wrote.
    """
    rows = iterate_jsonl(rejects)
    first = next(rows, None)
    checked = (one for one in rows if one["filter"] in CHECKS)
    found = first if first and first["filter"] in CHECKS else next(checked, first)
    return f"{found['file']}, row {found['row']}: {found['reason']}" if found else "none"


def require_some(conversations: int, log: RejectsLog, rejects: Path) -> None:
    """Refuse a dataset of which nothing is left.

    Args:
        conversations: how many are used.
        log: of those that are not.
        rejects: where they are listed then.

    Raises:
        InputError: there is none; with the first reason.
    """
    if conversations:
        return
    if not len(log):
        raise InputError("The sources hold no rows.", "A file with a header or brackets alone is as good as none.")
    log.write(rejects)
    raise InputError(
        f"No conversation can be used: {len(log)} were rejected. The first reason: {first_reason(rejects)}.",
        f"See {rejects}.",
    )
