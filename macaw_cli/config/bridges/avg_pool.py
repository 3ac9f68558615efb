"""Settings of the `avg-pool` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class AvgPoolBridgeSettings:
    """Averages of windows of neighbours, and layers; one soft token per window (Gemma 3, Perception LM)."""

    name: Literal["avg-pool"] = "avg-pool"
    """Design of the bridge."""
    variant: Literal["gemma3", "perception-lm", "llava-onevision"] = "gemma3"
    """`gemma3`: mean of each window, RMSNorm, one matrix. `perception-lm`: MLP, then means. `llava-onevision`: MLP,
    then the grid is resized bilinearly, as LLaVA-OneVision does with videos."""
    scale: Annotated[int, Field(ge=1)] = 2
    """How many times fewer rows and columns of tokens there are; Gemma 3 has 4, the others 2. Of audio, `scale` times
    `scale` consecutive tokens become one. At the borders of a grid that it does not divide, `gemma3` takes the mean of
    fewer tokens, `perception-lm` lets windows overlap."""
    norm: bool = True
    """Features around the mean of the training media, and on the soft tokens a LayerNorm that gives them the RMS of the
    LLM's embeddings. `false` is the published form."""
