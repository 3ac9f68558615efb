"""Settings of the `grounded` filter."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class GroundedSettings:
    """Drops conversations whose answers do not follow from the captions, transcript and boxes of their media."""

    name: Literal["grounded"] = "grounded"
    """Name of the filter."""
    min_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Smallest share of an answer's content words that the captions have, words of the question aside."""
    model: str = ""
    """Folder or hub id of a causal LLM; empty compares words only."""
    min_gain: float = 0.0
    """With `model`: smallest gain of the answer's log-likelihood by the captions, in nats per token. An answer has to
    pass both."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs."""
