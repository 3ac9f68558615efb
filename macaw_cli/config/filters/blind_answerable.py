"""Settings of the `blind-answerable` filter."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class BlindAnswerableSettings:
    """Finds conversations whose answers a text-only model knows as well without the media."""

    name: Literal["blind-answerable"] = "blind-answerable"
    """Name of the filter."""
    model: str = ""
    """Folder or hub id of a causal LLM; needed."""
    min_gain: float = 0.1
    """An answer whose log-likelihood grows by less than this, in nats per token, when the captions of its media are
    shown, is answered blind."""
    action: Literal["drop", "tag"] = "drop"
    """`tag` keeps such conversations with the tag `blind-answerable`."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """Conversations scored at once."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs."""

    def __post_init__(self) -> None:
        """Refuse to compare with no model."""
        if not self.model:
            raise ValueError("needs `model`: the folder or hub id of a causal LLM")
