"""Settings of the task `audiocaps`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.tasks.base import TaskSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class AudioCapsSettings(TaskSettings):
    """Captions of AudioCaps' clips of ten seconds."""

    name: Literal["audiocaps"] = "audiocaps"
    """Name of the task."""
    question: str = "Describe the audio in one short sentence."
    """What is asked about every clip."""
    max_new_tokens: Annotated[int, Field(ge=1)] = 40
    """Longest generated caption in tokens."""
