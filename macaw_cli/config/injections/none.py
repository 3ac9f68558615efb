"""No injection."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class NoInjectionSettings:
    """Media reach the LLM as soft tokens in its input alone."""

    name: Literal["none"] = "none"
    """Design of the injection."""
