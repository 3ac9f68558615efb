"""Settings of the `llama-adapter-v2` injection."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class LlamaAdapterV2Settings:
    """Prompts as in `llama-adapter`, to which what a small transformer reads in the media is added (LLaMA-Adapter V2).

    Media reach the LLM through the prompts alone: a medium takes one position of the input.
    """

    name: Literal["llama-adapter-v2"] = "llama-adapter-v2"
    """Design of the injection."""
    tokens: Annotated[int, Field(ge=1)] = 10
    """Prompt vectors of each layer, and queries that read a medium."""
    layers: Annotated[int, Field(ge=1)] = 31
    """Upper layers of the LLM that have prompts; all, in an LLM with fewer."""
    width: Annotated[int, Field(ge=1)] = 768
    """Width of the transformer that reads the media."""
    blocks: Annotated[int, Field(ge=1)] = 8
    """Its layers."""
    heads: Annotated[int, Field(ge=1)] = 16
    """Heads of its attention, a divisor of `width`."""
    expansion: Annotated[int, Field(ge=1)] = 4
    """Size of its feed-forward parts, as a multiple of `width`."""
