"""A bridge for macaw: the features of a medium averaged to a few tokens, and one linear layer."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.bridges.entry import BridgeEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class PooledSettings:
    """Average pooling to a fixed number of tokens, then a linear layer."""

    name: Literal["pooled"] = "pooled"
    """Design of the bridge."""
    tokens: Annotated[int, Field(ge=1)] = 4
    """Soft tokens per medium."""


POOLED = BridgeEntry(PooledSettings, "macaw_pooled.bridge:PooledBridge")
