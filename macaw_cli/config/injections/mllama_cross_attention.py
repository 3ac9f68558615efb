"""Settings of the `mllama-cross-attention` injection."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class MllamaCrossAttentionSettings:
    """Whole layers of cross-attention before some of the LLM's, behind gates that start closed (Llama 3.2 Vision).

    A medium takes one position of the input, whatever the number of its soft tokens. Media directly behind one another
    are seen together.
    """

    name: Literal["mllama-cross-attention"] = "mllama-cross-attention"
    """Design of the injection."""
    first: Annotated[int, Field(ge=0)] = 3
    """Layers of the LLM before the first inserted one; in an LLM with fewer layers it stands before the last one."""
    every: Annotated[int, Field(ge=1)] = 4
    """Layers of the LLM from one inserted layer to the next."""
    heads: Annotated[int, Field(ge=1)] | None = None
    """Heads of the cross-attention; `null` takes the LLM's."""
    kv_heads: Annotated[int, Field(ge=1)] | None = None
    """Heads of its keys and values, a divisor of `heads`; `null` takes the LLM's, or `heads` where those are set."""
    head_dim: Annotated[int, Field(ge=1)] | None = None
    """Size of one head; `null` takes the LLM's."""
    hidden: Annotated[int, Field(ge=1)] | None = None
    """Size of the feed-forward part; `null` takes the LLM's, or four times its hidden size where it tells none."""
