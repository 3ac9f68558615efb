"""Settings of the task `hallusionbench`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.tasks.base import TaskSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class HallusionbenchSettings(TaskSettings):
    """HallusionBench: yes-or-no questions about original and edited images, and without any."""

    name: Literal["hallusionbench"] = "hallusionbench"
    """Name of the task."""
