"""Settings of the `language` filter."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class LanguageSettings:
    """Drops conversations whose text is certainly in another language."""

    name: Literal["language"] = "language"
    """Name of the filter."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "en"
    """ISO 639-1 code of the language to keep."""
