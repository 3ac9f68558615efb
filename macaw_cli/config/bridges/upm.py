"""Settings of the `upm` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class UpmBridgeSettings:
    """Queries through transformers shared by all modalities, mixed by a router; `tokens` per medium (OneLLM).

    `width`, `experts`, `layers`, `heads` and `inner` have to be the same for all modalities with this design.
    """

    name: Literal["upm"] = "upm"
    """Design of the bridge."""
    tokens: Annotated[int, Field(ge=1)] = 30
    """Soft tokens per medium."""
    width: Annotated[int, Field(ge=1)] | None = None
    """Width of the experts; `null` is the LLM's hidden size, but at most the published 1024."""
    experts: Annotated[int, Field(ge=1)] = 3
    """How many transformers, the experts, there are."""
    layers: Annotated[int, Field(ge=1)] = 8
    """Layers of each expert."""
    heads: Annotated[int, Field(ge=1)] | None = None
    """Heads of each attention; `null` is one per 64 channels of `width`, the published 16 at 1024."""
    inner: Annotated[int, Field(ge=1)] | None = None
    """Width of the gated MLPs; `null` is 8/3 of `width`, rounded up to multiples of 256: the published 2816 at 1024."""
    frames: Literal["mean", "all"] = "mean"
    """The tokens of a video: the mean of its frames (published), or all frames one after the other."""
    norm: bool = True
    """Features around the mean of the training media, and the LayerNorm at the end starts with the RMS of the LLM's
    embeddings; `false` is the published form."""
