"""Settings of the `length` filter."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class LengthSettings:
    """Drops conversations with a question or answer that is too short or too long."""

    name: Literal["length"] = "length"
    """Name of the filter."""
    min_question_words: Annotated[int, Field(ge=0)] = 1
    """Fewest words of a question."""
    max_question_words: Annotated[int, Field(ge=1)] = 512
    """Most words of a question."""
    min_answer_words: Annotated[int, Field(ge=0)] = 1
    """Fewest words of an answer."""
    max_answer_words: Annotated[int, Field(ge=1)] = 1024
    """Most words of an answer."""
    max_characters: Annotated[int, Field(ge=1)] = 20_000
    """Most characters of a question or answer; also holds for languages that put no space between words."""

    def __post_init__(self) -> None:
        """Refuse bounds that nothing can meet."""
        for what in ("question", "answer"):
            least, most = getattr(self, f"min_{what}_words"), getattr(self, f"max_{what}_words")
            if least > most:
                raise ValueError(f"min_{what}_words ({least}) is above max_{what}_words ({most})")
