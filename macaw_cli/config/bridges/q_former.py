"""Settings of the `q-former` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class QFormerBridgeSettings:
    """Queries in a small BERT; `tokens` soft tokens per image, frame or window (BLIP-2, InstructBLIP, SALMONN)."""

    name: Literal["q-former"] = "q-former"
    """Design of the bridge."""
    tokens: Annotated[int, Field(ge=1)] = 32
    """Learned queries: soft tokens per image or audio, per video or frame of one, and per window where there are
    windows."""
    hidden: Annotated[int, Field(ge=1)] | None = None
    """Width of the queries; `null` takes the published 768, or the LLM's embedding size where that is smaller."""
    layers: Annotated[int, Field(ge=1)] = 12
    """Layers of self-attention and feed-forward part."""
    heads: Annotated[int, Field(ge=1)] | None = None
    """Heads of each attention, a divisor of `hidden`; `null` takes heads of 64 as published."""
    inner: Annotated[int, Field(ge=1)] | None = None
    """Size inside the feed-forward parts; `null` takes four times `hidden`, as published."""
    cross_attention_every: Annotated[int, Field(ge=1)] = 2
    """The first of every so many layers reads the features."""
    feature_norm: bool = True
    """LayerNorm on the features (BLIP-2's `ln_vision`), which trains as in the published code."""
    instruction: bool = False
    """Whether the queries read what is asked about the medium (InstructBLIP)."""
    instruction_length: Annotated[int, Field(ge=1, le=512)] = 128
    """Tokens of the instruction that are read: the last ones."""
    vocabulary: Annotated[int, Field(ge=1)] | None = None
    """Rows of the embeddings of the instruction; `null` takes the LLM's vocabulary. An imported InstructBLIP has those
    of BERT, whose tokenizer its folder holds."""
    window: Annotated[int, Field(ge=1)] | None = None
    """Feature tokens that the queries read at a time; every window makes `tokens` soft tokens. `null` reads all at
    once."""
    tail: Literal["pad", "drop"] = "pad"
    """What becomes of the feature tokens behind the last whole window: filled up with zeros (Granite Speech) or left
    out (SALMONN). What is shorter than one window is filled up."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout while training; the published form has 0.1."""
    per_frame: bool = True
    """Whether each frame of a video makes soft tokens of its own, instead of the video as a whole."""
    norm: bool = True
    """Features around the mean of the training media, and a LayerNorm on the soft tokens that gives them the RMS of
    the LLM's embeddings; `false` is the published form."""
