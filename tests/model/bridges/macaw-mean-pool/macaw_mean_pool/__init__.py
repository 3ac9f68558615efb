"""A bridge for macaw: the features of a medium averaged to a few tokens, and one linear layer."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.bridges.entry import BridgeEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class MeanPoolSettings:
    """Average pooling to a fixed number of tokens, then a linear layer."""

    name: Literal["mean-pool"] = "mean-pool"
    """Design of the bridge."""
    tokens: Annotated[int, Field(ge=1)] = 4
    """Soft tokens per medium."""


MEAN_POOL = BridgeEntry(MeanPoolSettings, "macaw_mean_pool.bridge:MeanPoolBridge")
