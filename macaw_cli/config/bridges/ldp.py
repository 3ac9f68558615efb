"""Settings of the `ldp` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class LdpBridgeSettings:
    """An MLP, a pooling, and convolutions by channel; `tokens` soft tokens per image or frame (MobileVLM)."""

    name: Literal["ldp"] = "ldp"
    """Design of the bridge."""
    variant: Literal["v1", "v2"] = "v2"
    """`v1`: two inverted residual blocks, the second of which leaves half as many rows and columns. `v2`: average
    pooling to a fixed number of tokens, then a convolution that adds their places."""
    tokens: Annotated[int, Field(ge=1)] | None = None
    """Of `v2`: soft tokens per image or frame, a square number, or per audio; `null` takes the published 144, but no
    more than there are feature tokens."""
    norm: bool = True
    """Features around the mean of the training media, and on the soft tokens a LayerNorm that gives them the RMS of the
    LLM's embeddings. `false` is the published form."""
