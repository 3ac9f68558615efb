"""Settings of the `llama-adapter` injection."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class LlamaAdapterSettings:
    """Learned prompts that the attention of the LLM's upper layers reads, behind a gate per head that starts closed.

    Media stand in the LLM's input, as without an injection (LLaMA-Adapter).
    """

    name: Literal["llama-adapter"] = "llama-adapter"
    """Design of the injection."""
    tokens: Annotated[int, Field(ge=1)] = 10
    """Prompt vectors of each layer."""
    layers: Annotated[int, Field(ge=1)] = 30
    """Upper layers of the LLM that have prompts; all, in an LLM with fewer."""
