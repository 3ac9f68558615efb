"""Settings of the `gated-cross-attention` injection."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class GatedCrossAttentionSettings:
    """Cross-attention to the latest medium before some of the LLM's layers, behind gates that start closed (Flamingo).

    A medium takes one position of the input, whatever the number of its soft tokens.
    """

    name: Literal["gated-cross-attention"] = "gated-cross-attention"
    """Design of the injection."""
    every: Annotated[int, Field(ge=1)] = 4
    """A block stands before every so many layers, the first one included."""
    heads: Annotated[int, Field(ge=1)] = 8
    """Heads of the cross-attention."""
    head_dim: Annotated[int, Field(ge=1)] = 64
    """Size of one head."""
    expansion: Annotated[int, Field(ge=1)] = 4
    """Size of the block's feed-forward part, as a multiple of the LLM's hidden size."""
