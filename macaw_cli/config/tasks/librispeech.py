"""Settings of the task `librispeech`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.tasks.base import TaskSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class LibriSpeechSettings(TaskSettings):
    """Transcripts of speech, in the layout of LibriSpeech."""

    name: Literal["librispeech"] = "librispeech"
    """Name of the task."""
    question: str = "Transcribe the speech."
    """What is asked about every utterance."""
    max_new_tokens: Annotated[int, Field(ge=1)] = 128
    """Longest generated transcript in tokens."""
