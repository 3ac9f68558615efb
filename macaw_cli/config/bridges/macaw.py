"""Settings of the `macaw` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class MacawBridgeSettings:
    """A convolution, then attention to the LLM's word embeddings; a few soft tokens per medium (Macaw-LLM)."""

    name: Literal["macaw"] = "macaw"
    """Design of the bridge."""
    variant: Literal["default", "paper"] = "default"
    """`paper` is the published form, `default` the one that learns fast."""
    image_tokens: Annotated[int, Field(ge=1)] | None = None
    """Soft tokens per image; `null` takes the published 5."""
    audio_tokens: Annotated[int, Field(ge=1)] | None = None
    """Soft tokens per audio; `null` takes the published 6."""
    video_tokens: Annotated[int, Field(ge=1)] | None = None
    """Soft tokens per video; `null` takes the published 39."""
    windows: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=2, max_length=2)] | None = None
    """Feature tokens per window, and from one window to the next, as a published checkpoint has them; `null` takes
    what makes the wanted number of soft tokens."""
    heads: Annotated[int, Field(ge=1)] = 8
    """Heads of the video self-attention."""
    alignment_heads: Annotated[int, Field(ge=1)] | None = None
    """Heads of the alignment to the LLM's embeddings; `null` takes 1, and in the published form twice `heads`."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout of the attention weights while training; the published form has 0.1."""

    def heads_of_alignment(self) -> int:
        """Heads of the alignment, with the default of the variant."""
        return self.alignment_heads or (1 if self.variant == "default" else 2 * self.heads)
