"""Settings of the `judge` filter."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeSettings:
    """Drops conversations with a low score of an LLM for correctness, grounding, format or value, 1 to 5 each."""

    name: Literal["judge"] = "judge"
    """Name of the filter."""
    model: str = ""
    """Name of the LLM, as the API calls it; empty is `generation.model`. The API, its key and its limits are those of
    `generation`, and replies are kept in the same ledger."""
    threshold: Annotated[int, Field(ge=1, le=5)] = 3
    """Score that each of the four must reach."""
