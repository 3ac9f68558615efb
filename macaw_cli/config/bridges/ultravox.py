"""Settings of the `ultravox` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class UltravoxBridgeSettings:
    """Consecutive feature tokens side by side, a gated MLP; one soft token per `stride` of them (Ultravox)."""

    name: Literal["ultravox"] = "ultravox"
    """Design of the bridge."""
    stride: Annotated[int, Field(ge=1)] = 8
    """Feature tokens per soft token; the last ones are followed by zeros. For video, the last ones of each frame."""
    hidden: Annotated[int, Field(ge=2, multiple_of=2)] | None = None
    """Size behind the first linear layer, half of which gates the other half; `null` is twice the LLM's hidden size.
    Published models have 4096."""
    norm_position: Literal["middle", "end"] = "middle"
    """Where the second RMSNorm stands: before the last linear layer (Ultravox 0.5 and later), or after it (0.4.1 and
    earlier)."""
    norm: bool = True
    """Features around the mean of the training media, and on the soft tokens a LayerNorm that gives them the RMS of the
    LLM's embeddings, also in the place of the one at the `end`; `false` is the published form."""
