"""Settings of the `affine` bridge."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class AffineBridgeSettings:
    """A linear layer or an MLP; one soft token per image token or state, several per object (PaLM-E)."""

    name: Literal["affine"] = "affine"
    """Design of the bridge."""
    variant: Literal["tokens", "state", "objects"] = "tokens"
    """`tokens`: one linear layer, one soft token per feature token, as for image patches. `state`: an MLP, one soft
    token per state, which is the mean of a medium's feature tokens, or of those of a video's frame. `objects`: an MLP,
    `tokens_per_object` soft tokens per feature token, which is one object."""
    tokens_per_object: Annotated[int, Field(ge=1)] = 4
    """Soft tokens that each object makes, with `variant: objects`."""
    hidden: Annotated[int, Field(ge=1)] | None = None
    """Size between the two linear layers of the MLP; `null` is the LLM's hidden size."""
    norm: bool = True
    """Features around the mean of the training media, and on the soft tokens a LayerNorm that gives them the RMS of the
    LLM's embeddings; `false` is the published form."""
