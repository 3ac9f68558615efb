"""Settings of the `pooled` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class PooledBridgeSettings:
    """The mean of all feature tokens through one linear layer; `tokens` soft tokens per medium (Frozen)."""

    name: Literal["pooled"] = "pooled"
    """Design of the bridge."""
    tokens: Annotated[int, Field(ge=1)] = 2
    """Soft tokens per medium, also of a video."""
    head: Annotated[int, Field(ge=1)] | None = None
    """Hidden size of a residual MLP on the mean, which stands for the encoder that Frozen trains; `null` is none."""
    norm: bool = True
    """Features around the mean of the training media, and a LayerNorm on the soft tokens that gives them the RMS of
    the LLM's embeddings; `false` is the published form."""
