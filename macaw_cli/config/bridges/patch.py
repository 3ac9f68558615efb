"""Settings of the `patch` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

NARROW = 8
"""Features with at most so many channels are taken for series of numbers, whose channels are patched one by one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PatchBridgeSettings:
    """Overlapping patches of a series through one linear layer; one soft token per patch (PatchTST, GPT4TS)."""

    name: Literal["patch"] = "patch"
    """Design of the bridge."""
    length: Annotated[int, Field(ge=1)] = 16
    """Steps per patch; a step is one feature token."""
    stride: Annotated[int, Field(ge=1)] = 8
    """Steps from one patch to the next."""
    padding: Literal["end", "front"] = "end"
    """`end`: the last step is repeated `stride` times, so that the end is in a patch (PatchTST supervised, GPT4TS).
    `front`: patches are counted from the end, and the first steps may be in none (PatchTST self-supervised)."""
    channels: Literal["auto", "independent", "mixed"] = "auto"
    """`independent`: each channel is a series of its own, with one linear layer for all, and makes its own soft tokens
    (PatchTST). `mixed`: a patch holds all channels (GPT4TS with several). `auto` is `independent` for at most 8
    channels, and else `mixed`: features of an encoder would make a soft token per channel and patch."""
    instance_norm: bool = True
    """Each channel of each medium is brought to mean 0 and variance 1 (RevIN), with a trained scale and shift."""
    statistics: bool = True
    """One more soft token before the patches, from the mean and the scale that the normalisation took away; with
    `independent`, one per channel. The published forms give these back to the forecast; a bridge makes none."""
    norm: bool = True
    """Features around the mean of the training media, and on the soft tokens a LayerNorm that gives them the RMS of the
    LLM's embeddings; `false`, with `statistics: false`, is the published form."""
