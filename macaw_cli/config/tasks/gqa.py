"""Settings of the task `gqa`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.tasks.base import Prompt, TaskSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class GqaSettings(TaskSettings):
    """GQA: compositional questions about images, one answer each."""

    name: Literal["gqa"] = "gqa"
    """Name of the task."""
    split: str = "testdev_balanced"
    """Which file is read where `path` is a folder: `testdev_balanced_questions.json`."""
    prompt: Prompt = "{question}\nAnswer the question using a single word or phrase."
    """What the user turn says; the default is that of LLaVA-1.5 (arXiv 2310.03744, table 8)."""
