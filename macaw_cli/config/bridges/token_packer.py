"""Settings of the `token-packer` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenPackerBridgeSettings:
    """A coarse grid of queries, each for its own region; one soft token per region (TokenPacker)."""

    name: Literal["token-packer"] = "token-packer"
    """Design of the bridge."""
    scale: Annotated[int, Field(ge=1)] = 2
    """Rows and columns of a region, one soft token each. Of audio, a region is `scale` times `scale` consecutive
    tokens."""
    layers: Annotated[int, Field(ge=1)] = 1
    """Layers of the encoder that the features hold, one after another, as `features: {image_encoder: {layer: [12, 16,
    22, 23]}}` extracts them. Keys and values are made of all of them, queries of the last one."""
    hidden: Annotated[int, Field(ge=1)] | None = None
    """Size of the attention; `null` is that of one feature token, as published."""
    heads: Annotated[int, Field(ge=1)] | None = None
    """Heads of the attention; `null` takes heads of at least 128 channels, as published."""
    norm: bool = True
    """Features around the mean of the training media, and on the soft tokens a LayerNorm that gives them the RMS of the
    LLM's embeddings. `false` is the published form."""
