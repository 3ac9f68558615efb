"""Settings of the mode `uncertainty`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class UncertaintyLossWeights:
    """Weights e^-s that are learned with the model: the loss of a modality that stays high counts less."""

    mode: Literal["uncertainty"]
    """How the losses of the modalities are weighted."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.02
    """Step size of s, by plain gradient descent."""
