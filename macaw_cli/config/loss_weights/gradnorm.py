"""Settings of the mode `gradnorm`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class GradNormLossWeights:
    """Weights that level the gradients of the modalities, and let those that learn slowly pull harder."""

    mode: Literal["gradnorm"]
    """How the losses of the modalities are weighted."""
    alpha: Annotated[float, Field(ge=0)] = 1.5
    """How much harder a modality pulls that learns slowly; 0 only levels the gradients."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.025
    """Step size of the weights."""
