"""Settings of the `attention-pool` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class AttentionPoolBridgeSettings:
    """Attention from the mean of a window to its tokens, a gated MLP; one soft token per window (Molmo)."""

    name: Literal["attention-pool"] = "attention-pool"
    """Design of the bridge."""
    scale: Annotated[int, Field(ge=1)] = 2
    """Rows and columns of a window; those at the right and lower border may have fewer tokens. Of audio, a window is
    `scale` times `scale` consecutive tokens."""
    heads: Annotated[int, Field(ge=1)] | None = None
    """Heads of the attention; `null` is one per 64 channels of the features."""
    inner: Annotated[int, Field(ge=1)] | None = None
    """Width of the gated MLP; `null` is twice the LLM's hidden size. Published models have that of the LLM's MLPs."""
    norm: bool = True
    """Features around the mean of the training media, and on the soft tokens a LayerNorm that gives them the RMS of the
    LLM's embeddings; `false` is the published form."""
