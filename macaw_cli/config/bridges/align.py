"""Settings of the `align` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignBridgeSettings:
    """Weighted means of the LLM's word embeddings; one soft token per `stride` feature tokens (AlignVLM)."""

    name: Literal["align"] = "align"
    """Design of the bridge."""
    stride: Annotated[int, Field(ge=1)] = 1
    """Feature tokens per soft token, which are put side by side; the published form has 1. Every soft token costs
    numbers for the whole vocabulary: use more for long audio and video."""
    logits_norm: bool = False
    """Whether there is a LayerNorm before the softmax, as in the paper's equation."""
    norm: bool = False
    """Features around the mean of the training media, and on the soft tokens a LayerNorm that gives them the RMS of the
    LLM's embeddings; they are no weighted means any more then."""
