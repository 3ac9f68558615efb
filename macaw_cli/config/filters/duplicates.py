"""Settings of the `duplicates` filter."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class DuplicatesSettings:
    """Drops conversations that repeat an earlier one but for case, punctuation and white space."""

    name: Literal["duplicates"] = "duplicates"
    """Name of the filter."""
    within: Literal["medium", "dataset"] = "medium"
    """`medium`: the same text about other media is no duplicate; `dataset`: it is."""
    compare: Literal["conversation", "questions"] = "conversation"
    """`questions`: the same questions make a duplicate, whatever the answers."""
