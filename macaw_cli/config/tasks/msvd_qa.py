"""Settings of the task `msvd-qa`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.tasks.base import Prompt, TaskSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class MsvdQaSettings(TaskSettings):
    """Questions about the videos of MSVD, answered with one word."""

    name: Literal["msvd-qa"] = "msvd-qa"
    """Name of the task."""
    prompt: Prompt = "{question}\nAnswer with one word."
    """What the user turn says."""
