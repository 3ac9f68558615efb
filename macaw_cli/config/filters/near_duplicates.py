"""Settings of the `near-duplicates` filter."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class NearDuplicatesSettings:
    """Drops conversations that say what an earlier one says in other words, found by MinHash."""

    name: Literal["near-duplicates"] = "near-duplicates"
    """Name of the filter."""
    within: Literal["medium", "dataset"] = "medium"
    """`medium`: similar text about other media is no duplicate; `dataset`: it is."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Similarity from which on two conversations are duplicates: the share of their content words that they have in
    common."""
    shingle: Annotated[int, Field(ge=1, le=10)] = 1
    """Consecutive content words that are compared as one. Above 1, the order of words counts."""
