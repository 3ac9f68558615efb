"""Settings of the `visual-vocabulary` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class VisualVocabularyBridgeSettings:
    """Means of learned words, or one word each; one soft token per window of neighbours (Ovis)."""

    name: Literal["visual-vocabulary"] = "visual-vocabulary"
    """Design of the bridge."""
    words: Annotated[int, Field(ge=2)] = 1024
    """Size of the learned vocabulary. Published models have 16384 or more, for tens of millions of images."""
    scale: Annotated[int, Field(ge=1)] = 2
    """Rows and columns of the window of feature tokens that makes one soft token. A grid that it does not divide is
    filled up with zeros at the right and below; of audio, a window is `scale` times `scale` consecutive tokens."""
    choice: Literal["softmax", "gumbel", "straight-through"] = "softmax"
    """`softmax` takes a weighted mean of the words. The others take one word: the likeliest, or in training with
    `gumbel` a random one; gradients are those of the weighted mean."""
    norm: bool = True
    """Features around the mean of the training media, and on the soft tokens a LayerNorm that gives them the RMS of the
    LLM's embeddings; `false` is the published form."""
