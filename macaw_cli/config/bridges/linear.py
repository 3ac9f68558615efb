"""Settings of the `linear` bridge."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class LinearBridgeSettings:
    """One linear layer; one soft token per feature token (LLaVA, MiniGPT-4, Qwen2-Audio)."""

    name: Literal["linear"] = "linear"
    """Design of the bridge."""
    norm: bool = False
    """Features around the mean of the training media, LayerNorm on them, and on the soft tokens one that gives them the
    RMS of the LLM's embeddings."""
