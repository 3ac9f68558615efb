"""Settings of the `resampler` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class ResamplerBridgeSettings:
    """Latents read the features in several layers; `tokens` soft tokens per medium (Flamingo, Perceiver, Idefics)."""

    name: Literal["resampler"] = "resampler"
    """Design of the bridge."""
    tokens: Annotated[int, Field(ge=1)] = 64
    """Learned latents: soft tokens per medium."""
    layers: Annotated[int, Field(ge=1)] = 6
    """Layers of attention and feed-forward part."""
    heads: Annotated[int, Field(ge=1)] = 8
    """Heads of each attention."""
    head_size: Annotated[int, Field(ge=1)] = 64
    """Size of a head."""
    expansion: Annotated[int, Field(ge=1)] = 4
    """Size of the feed-forward part over the number of channels."""
    activation: Literal["gelu", "relu", "relu2"] = "gelu"
    """Nonlinearity of the feed-forward part: `gelu` as OpenFlamingo, `relu` as Idefics, `relu2`, the square of it, as
    Flamingo."""
    frames: Annotated[int, Field(ge=1)] | None = 8
    """Frame embeddings, added to the features of a video, for up to so many frames; a longer video's are interpolated.
    `null` leaves them out, as OpenFlamingo's published models and Idefics do."""
    per_frame: bool = False
    """Whether each frame of a video makes soft tokens of its own, instead of the video as a whole."""
    norm: bool = True
    """Features around the mean of the training media, and a LayerNorm on the soft tokens that gives them the RMS of
    the LLM's embeddings; `false` is the published form."""
