"""Settings of the task `naturalbench`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.tasks.base import TaskSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class NaturalbenchSettings(TaskSettings):
    """NaturalBench: two questions about two images, each with another answer for the other image."""

    name: Literal["naturalbench"] = "naturalbench"
    """Name of the task."""
