"""Settings of the `pixel-shuffle` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelShuffleBridgeSettings:
    """Windows of neighbours side by side, then layers; one soft token per window (InternVL, Idefics 3, Qwen3-VL)."""

    name: Literal["pixel-shuffle"] = "pixel-shuffle"
    """Design of the bridge."""
    variant: Literal["linear", "mlp", "merger", "swiglu"] = "mlp"
    """The layers behind the shuffle: those of Idefics 3 and SmolVLM (`linear`), InternVL (`mlp`), Qwen3-VL's patch
    merger (`merger`), or Cohere 2 Vision (`swiglu`)."""
    scale: Annotated[int, Field(ge=1)] = 2
    """Rows and columns of a window. A grid that it does not divide is filled up with zeros at the right and below; of
    audio, a window is `scale` times `scale` consecutive tokens."""
    hidden: Annotated[int, Field(ge=1)] | None = None
    """Size between the linear layers of `swiglu`, which alone has it; `null` is twice the LLM's hidden size."""
    norm: bool = True
    """Features around the mean of the training media, and on the soft tokens a LayerNorm that gives them the RMS of the
    LLM's embeddings; `linear` and `swiglu` have one on each window as well. `false` is the published form."""
