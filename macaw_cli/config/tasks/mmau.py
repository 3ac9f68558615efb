"""Settings of the task `mmau`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.tasks.base import TaskSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class MmauSettings(TaskSettings):
    """MMAU: questions about speech, music and other audio that need knowledge and reasoning."""

    name: Literal["mmau"] = "mmau"
    """Name of the task."""
    max_new_tokens: Annotated[int, Field(ge=1)] = 32
    """Longest generated answer in tokens."""
