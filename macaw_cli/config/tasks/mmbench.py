"""Settings of the task `mmbench`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.tasks.base import Prompt, TaskSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class MmbenchSettings(TaskSettings):
    """MMBench: multiple choice with the options in every rotation."""

    name: Literal["mmbench"] = "mmbench"
    """Name of the task."""
    circular: bool = True
    """Whether a question is asked with its options in every rotation, and is right only if all answers are."""
    prompt: Prompt = "{question}\nAnswer with the option's letter from the given choices directly."
    """What the user turn says; `{question}` is the question with its options. The default is that of LLaVA-1.5."""
