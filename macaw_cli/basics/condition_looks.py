"""How the conditions of an evaluation are called and coloured in every plot."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Look(NamedTuple):
    """Label and colour of one condition."""

    label: str
    colour: str
    """In a form that matplotlib reads."""


CONDITION_LOOKS: Mapping[str, Look] = MappingProxyType({
    "real": Look("real media", "#2f9e6e"),
    "none": Look("no media", "#9aa1a9"),
    "swapped": Look("swapped media", "#e08427"),
})  # fmt: skip
PREFERENCE_COLOUR = "#b0569f"
