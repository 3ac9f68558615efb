"""Settings of the task `clotho-aqa`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.tasks.base import Prompt, TaskSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class ClothoAqaSettings(TaskSettings):
    """Questions about Clotho's audio clips, answered by three people each."""

    name: Literal["clotho-aqa"] = "clotho-aqa"
    """Name of the task."""
    prompt: Prompt = "{question}\nAnswer with one word."
    """What the user turn says."""
