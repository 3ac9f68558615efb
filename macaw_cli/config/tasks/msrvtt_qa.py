"""Settings of the task `msrvtt-qa`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.tasks.base import Prompt, TaskSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class MsrvttQaSettings(TaskSettings):
    """Questions about the videos of MSR-VTT, answered with one word."""

    name: Literal["msrvtt-qa"] = "msrvtt-qa"
    """Name of the task."""
    prompt: Prompt = "{question}\nAnswer with one word."
    """What the user turn says."""
