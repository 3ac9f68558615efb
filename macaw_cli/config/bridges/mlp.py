"""Settings of the `mlp` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class MlpBridgeSettings:
    """Linear layers with GELU between them; one soft token per feature token (LLaVA 1.5)."""

    name: Literal["mlp"] = "mlp"
    """Design of the bridge."""
    layers: Annotated[int, Field(ge=1)] = 2
    """Number of linear layers."""
    norm: bool = False
    """Features around the mean of the training media, LayerNorm on them, and on the soft tokens one that gives them the
    RMS of the LLM's embeddings."""
