"""Settings of the `refusals` filter."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.setting_types import Texts


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusalsSettings:
    """Drops conversations in which the writing model speaks as itself: "as an AI", "I cannot see the image"."""

    name: Literal["refusals"] = "refusals"
    """Name of the filter."""
    phrases: Texts = ()
    """More phrases that mark a refusal, whatever their case."""
