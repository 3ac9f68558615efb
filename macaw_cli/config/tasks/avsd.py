"""Settings of the task `avsd`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.tasks.base import TaskSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class AvsdSettings(TaskSettings):
    """Dialogues about Charades' videos."""

    name: Literal["avsd"] = "avsd"
    """Name of the task."""
    turns: Literal["all", "last"] = "all"
    """Which answers of a dialogue are asked for, each after the turns before it; the challenge asks for the last."""
    references: str = ""
    """A file beside that of dialogues, with dialogues of the same videos whose last answers are all right."""
    max_new_tokens: Annotated[int, Field(ge=1)] = 40
    """Longest generated answer in tokens."""
