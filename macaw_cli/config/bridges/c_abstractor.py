"""Settings of the `c-abstractor` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class CAbstractorBridgeSettings:
    """Convolutions around an average pooling, then an MLP; `tokens` soft tokens per image or frame (Honeybee)."""

    name: Literal["c-abstractor"] = "c-abstractor"
    """Design of the bridge."""
    tokens: Annotated[int, Field(ge=1)] | None = None
    """Soft tokens per image or frame, a square number, or per audio; `null` takes the published 144, but no more than
    there are feature tokens."""
    depth: Annotated[int, Field(ge=1)] = 3
    """Convolution blocks before the pooling, and as many behind it."""
    layers: Annotated[int, Field(ge=1)] = 2
    """Linear layers of the MLP."""
    hidden: Annotated[int, Field(ge=1)] | None = None
    """Channels of the convolutions; `null` is those of the features, as published."""
    norm: bool = True
    """Features around the mean of the training media, and on the soft tokens a LayerNorm that gives them the RMS of the
    LLM's embeddings. `false` is the published form."""
