"""Settings of the `numbers` expert."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.experts.form import TextForm


@dataclass(frozen=True, kw_only=True, slots=True)
class NumbersSettings:
    """The numbers of a series, as a sentence (PromptCast) or as scaled digits (LLMTIME)."""

    name: Literal["numbers"] = "numbers"
    """Name of the expert."""
    style: Literal["sentence", "digits"] = "sentence"
    """`sentence` writes the numbers with `decimals` places; `digits` scales them first, and leaves out the point."""
    decimals: Annotated[int, Field(ge=0, le=6)] = 2
    """Places behind the point in a sentence."""
    base: Literal[10, 100, 1000] = 10
    """How many values a digit has."""
    precision: Annotated[int, Field(ge=0, le=6)] = 3
    """Digits behind the point that is left out."""
    digit_separator: str = ""
    """Between the digits of a number; a space for tokenizers that would join them."""
    step_separator: Annotated[str, Field(min_length=1)] = ","
    """Behind each number."""
    form: TextForm = "{}"
    """What the conversation says; `{}` is the text."""
