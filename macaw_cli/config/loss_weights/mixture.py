"""Settings of the mode `mixture`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class MixtureLossWeights:
    """Weights softmax(a / temperature), times the number of modalities, learned with the model.

    They fall where a loss is high. Losses are divided by their running mean, and the weights keep a least entropy:
    without both, the weights would all go to the modality with the smallest loss.
    """

    mode: Literal["mixture"]
    """How the losses of the modalities are weighted."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """A higher one keeps the weights nearer to each other."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.02
    """Step size of a."""
    entropy_floor: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Least entropy of the weights, as a share of that of equal weights."""
    memory: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Share of the running mean that stays at each step."""
