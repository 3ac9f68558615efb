"""Settings of the mode `fixed`."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from macaw_cli.modalities.table import MODALITIES

TEXT = "text"
"""Name of the examples without media."""


def require_known_groups(weights: dict[str, float]) -> dict[str, float]:
    """Refuse a name that no example can have; `video+audio` and `audio+video` are the same."""
    ordered: dict[str, float] = {}
    for name, weight in weights.items():
        parts = name.split("+")
        if name != TEXT and (len(set(parts)) < len(parts) or not set(parts) <= set(MODALITIES)):
            known = ", ".join((TEXT, *MODALITIES))
            raise ValueError(f"must name modalities, of {known}, or several such as audio+video; found {name!r}")
        ordered["+".join(sorted(parts, key=(TEXT, *MODALITIES).index))] = weight
    return ordered


@dataclass(frozen=True, kw_only=True, slots=True)
class FixedLossWeights:
    """Weights that are given and stay as they are."""

    mode: Literal["fixed"]
    """How the losses of the modalities are weighted."""
    weights: Annotated[dict[str, Annotated[float, Field(ge=0)]], AfterValidator(require_known_groups)] = field(
        default_factory=dict
    )
    """Weight by what media an example has: `image`, `audio+video`, `text` for none; 1 where it is not named."""
