"""Settings of the `query-decoder` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryDecoderBridgeSettings:
    """Queries through a transformer decoder; `tokens` soft tokens per image or frame (MedVInT)."""

    name: Literal["query-decoder"] = "query-decoder"
    """Design of the bridge."""
    tokens: Annotated[int, Field(ge=1)] = 32
    """Learned queries: soft tokens per image or audio, and per video or frame of one."""
    hidden: Annotated[int, Field(ge=1)] | None = None
    """Width of the queries; `null` takes the published 768, or the LLM's embedding size where that is smaller."""
    layers: Annotated[int, Field(ge=1)] = 12
    """Layers of the decoder."""
    heads: Annotated[int, Field(ge=1)] = 4
    """Heads of each attention, a divisor of `hidden`."""
    inner: Annotated[int, Field(ge=1)] | None = None
    """Size inside the feed-forward part; `null` takes `hidden`, as published."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout while training; the published form has 0.1."""
    per_frame: bool = True
    """Whether each frame of a video makes soft tokens of its own, instead of the video as a whole."""
    norm: bool = True
    """Features around the mean of the training media, and a LayerNorm on the soft tokens that gives them the RMS of
    the LLM's embeddings; `false` is the published form."""
