"""Settings of the `frame-stack` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameStackBridgeSettings:
    """Consecutive feature tokens side by side, an MLP; one soft token per `stride` of them (Voxtral, SLAM-LLM)."""

    name: Literal["frame-stack"] = "frame-stack"
    """Design of the bridge."""
    stride: Annotated[int, Field(ge=1)] = 4
    """Feature tokens per soft token."""
    remainder: Literal["fill", "drop"] = "fill"
    """What becomes of the last tokens where they are fewer than `stride`, for video those of each frame: they are
    followed by zeros, or left out (SLAM-LLM). A medium that has no more than these is filled."""
    hidden: Annotated[int, Field(ge=1)] | None = None
    """Size between the two linear layers; `null` is twice the LLM's hidden size."""
    activation: Literal["gelu", "relu"] = "gelu"
    """Nonlinearity between the linear layers."""
    bias: bool = True
    """Whether the linear layers have a bias."""
    norm: bool = True
    """Features around the mean of the training media, LayerNorm on the stacked ones, and on the soft tokens one that
    gives them the RMS of the LLM's embeddings."""
