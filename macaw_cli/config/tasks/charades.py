"""Settings of the task `charades`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.tasks.base import TaskSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class CharadesSettings(TaskSettings):
    """Descriptions of Charades' videos of everyday activities."""

    name: Literal["charades"] = "charades"
    """Name of the task."""
    question: str = "Describe what happens in the video."
    """What is asked about every video."""
    max_new_tokens: Annotated[int, Field(ge=1)] = 64
    """Longest generated description in tokens."""
