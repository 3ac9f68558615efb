"""Settings of the `lavin` injection."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class LavinSettings:
    """Two small adapters before the attention of every layer of the LLM, mixed for text and for media (LaVIN).

    Media take as many positions of the input as they have soft tokens.
    """

    name: Literal["lavin"] = "lavin"
    """Design of the injection."""
    hidden: Annotated[int, Field(ge=1)] = 8
    """Size between the two layers of an adapter."""
    groups: Annotated[int, Field(ge=1)] = 2
    """Groups of channels that do not mix in the second layer."""
    scale: Annotated[float, Field(gt=0)] = 1.0
    """What is added is multiplied by it."""
    temperature: Annotated[float, Field(gt=0)] = 10.0
    """Divides the scores of the router before its softmax."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Dropout between the two layers while training."""
