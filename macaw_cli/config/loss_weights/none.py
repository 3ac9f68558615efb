"""No weights."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class NoLossWeights:
    """Every supervised token counts the same."""

    mode: Literal["none"] = "none"
    """How the losses of the modalities are weighted."""
