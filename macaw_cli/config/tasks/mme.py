"""Settings of the task `mme`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.tasks.base import TaskSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class MmeSettings(TaskSettings):
    """MME: two yes-or-no questions about each image, in fourteen categories."""

    name: Literal["mme"] = "mme"
    """Name of the task."""
