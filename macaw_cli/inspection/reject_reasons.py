"""Rejects by reason: a thousand files with one fault are one line."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from macaw_cli.shards.store_rows import REJECTS_NAME, reject_rows

NO_REASON = "no reason given"
PATHS_KEPT = 20
MAX_GROUPS = 200
"""Different reasons that are kept; whatever comes after them is counted under `OTHER`."""
OTHER = "other reasons"

_NAME = re.compile(r"[^\s'\"]*[^\s'\".:]\.[A-Za-z][A-Za-z0-9]{1,4}\b(?!\.\w)")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_NUMBER = re.compile(r"\b0x[0-9a-fA-F]+\b|(?<![\w.])[-+]?\d[\d,]*(\.\d+)?\b(?!\.\w)|\b[0-9a-f]{8,}\b")


@dataclass(slots=True)
class RejectGroup:
    """Rejected inputs with one reason.

    Attributes:
        reason: without the names and numbers that differ between its files.
        files: how many.
        modalities: how many of each.
        example: the reason in full, of the first.
        paths: the first of the files.
    """

    reason: str
    files: int = 0
    modalities: dict[str, int] = field(default_factory=dict)
    example: str = ""
    paths: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The JSON object that `--json` prints."""
        return asdict(self)


def reject_groups(folder: Path) -> list[RejectGroup]:
    """The groups of a store's `rejects.jsonl`, the largest first; memory by the number of groups, not of files.

    Raises:
        DamagedError: the file is not JSON lines.
    """
    return grouped(
        (str(row.get("path") or ""), str(row.get("modality") or "unknown"), str(row.get("reason") or NO_REASON))
        for row in reject_rows(folder / REJECTS_NAME)
    )


def grouped(rejects: Iterable[tuple[str, str, str]]) -> list[RejectGroup]:
    """Groups of whatever was rejected, the largest first.

    Args:
        rejects: of each one what it is called, of which sort it is, and why it was rejected.
    """
    groups: dict[str, RejectGroup] = {}
    varied: set[str] = set()
    for path, modality, reason in rejects:
        kind = kind_of_reason(reason, path)
        if kind not in groups and len(groups) >= MAX_GROUPS:
            kind = OTHER
        group = groups.setdefault(kind, RejectGroup(kind, example=reason))
        if reason != group.example:
            varied.add(kind)
        group.files += 1
        group.modalities[modality] = group.modalities.get(modality, 0) + 1
        if len(group.paths) < PATHS_KEPT:
            group.paths.append(path)
    for kind, group in groups.items():
        if kind not in varied:  # nothing differs, so nothing need be hidden
            group.reason = group.example
    return sorted(groups.values(), key=lambda group: -group.files)


def kind_of_reason(reason: str, path: str) -> str:
    """The reason with file names, quotations and numbers replaced.

    Args:
        reason: as it stands in `rejects.jsonl`.
        path: of the file that it is about.
    """
    file = path.partition("#t=")[0]
    for name in (path, file, PurePosixPath(file).name):
        if name:
            reason = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "FILE", reason)
    reason = _QUOTED.sub("'...'", reason)
    return _NUMBER.sub("N", _NAME.sub("FILE", reason))
