"""Settings of the `patch-merge` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class PatchMergeBridgeSettings:
    """Consecutive feature tokens side by side, one linear layer; one soft token per `stride` of them (MiniGPT-v2).

    `frame-stack` has the same windows and an MLP; `pixel-shuffle` has square windows.
    """

    name: Literal["patch-merge"] = "patch-merge"
    """Design of the bridge."""
    stride: Annotated[int, Field(ge=1)] = 4
    """Feature tokens per soft token. The last ones are followed by zeros; for video, the last ones of each frame."""
    norm: bool = True
    """Features around the mean of the training media, LayerNorm on the merged ones, and on the soft tokens one that
    gives them the RMS of the LLM's embeddings. `false` is the published form."""
