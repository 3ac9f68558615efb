"""Conversations that cannot be used: which, why, and how many are too many."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.redaction import redacted
from macaw_cli.dataset.conversations import Origin

REJECTS_NAME = "rejects.jsonl"
CHECKS = ("valid row", "media have features", "no medium on both sides")
"""What every conversation must pass, in this order, besides the filters that were chosen."""


class FilteredOut(InputError):
    """A chosen filter drops a conversation while it is read.

    Args:
        name: of the filter.
        reason: why it does.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.filter = name


@dataclass(frozen=True, slots=True)
class Reject:
    """One conversation that was left out."""

    origin: Origin
    filter: str
    """One of `CHECKS`, or the name of a chosen filter."""
    reason: str
    id: str = ""

    def to_json(self) -> dict[str, Any]:
        """The row of `rejects.jsonl`."""
        named = {"id": self.id} if self.id else {}
        reason = redacted(self.reason)
        return {"file": self.origin.file, "row": self.origin.row, **named, "filter": self.filter, "reason": reason}


def unusable(counts: Mapping[str, int]) -> int:
    """How many conversations failed a check; what chosen filters drop is dropped on purpose.

    Args:
        counts: number of rejects of each check and filter.
    """
    return sum(counts.get(name, 0) for name in CHECKS)


def require_few(removed: int, kept: int, max_ratio: float, where: str, example: str) -> None:
    """Refuse to call it done when too much was left out.

    Args:
        removed: conversations left out.
        kept: conversations used.
        max_ratio: the largest share left out that is fine.
        where: the file that lists them.
        example: the first reason.

    Raises:
        InputError: the share is larger.
    """
    total = removed + kept
    if removed > max_ratio * total:
        raise InputError(
            f"{removed} of {total} conversations ({removed / total:.1%}) could not be used, more than the"
            f" {max_ratio:.1%} of dataset.max_reject_ratio. The first reason: {example}.",
            f"The others were kept. Correct the rows listed in {where}, or allow more with --max-reject-ratio.",
        )
