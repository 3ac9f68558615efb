"""Settings of the `latent-cross-attention` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class LatentCrossAttentionBridgeSettings:
    """One attention of learned latents to the features; `tokens` soft tokens per image or frame (Kosmos-1, -2)."""

    name: Literal["latent-cross-attention"] = "latent-cross-attention"
    """Design of the bridge."""
    tokens: Annotated[int, Field(ge=1)] = 64
    """Learned latents: soft tokens per image or audio, and per video or frame of one."""
    heads: Annotated[int, Field(ge=1)] | None = None
    """Heads of the attention, a divisor of the LLM's embedding size; `null` takes heads of 64 as published."""
    per_frame: bool = True
    """Whether each frame of a video makes soft tokens of its own, instead of the video as a whole."""
    norm: bool = True
    """Features around the mean of the training media, and a LayerNorm on the soft tokens that gives them the RMS of
    the LLM's embeddings; `false` is the published form."""
