"""Settings of the `answer-in-question` filter."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerInQuestionSettings:
    """Drops conversations about media in which a question gives its answer away."""

    name: Literal["answer-in-question"] = "answer-in-question"
    """Name of the filter."""
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the answer's content words in the question from which on it is given away."""
