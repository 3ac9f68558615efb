"""Settings of the `deepstack` injection."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class DeepstackSettings:
    """Features of earlier layers of the image encoder are added behind the LLM's first layers (DeepStack, Qwen3-VL).

    Features of images and videos hold the tokens of several layers:
    `features: {image_encoder: {layer: [8, 16, 24, -1]}}`.
    Those of the last one go through the bridge into the input. Media take as many positions as they have soft tokens.
    """

    name: Literal["deepstack"] = "deepstack"
    """Design of the injection."""
    layers: Annotated[int, Field(ge=2)] = 4
    """Layers whose tokens the features of an image, or of a video's frame, hold one after another."""
    scale: Annotated[int, Field(ge=1)] = 1
    """So many by so many neighbouring tokens become one; the bridge has to make as many soft tokens."""
