"""Settings of the `yes-no-balance` filter."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class YesNoBalanceSettings:
    """Drops some of the conversations answered with yes, or with no, until both are as frequent as asked."""

    name: Literal["yes-no-balance"] = "yes-no-balance"
    """Name of the filter."""
    no_share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of the answers that are no, among those that begin with yes or no."""
