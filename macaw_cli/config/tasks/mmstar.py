"""Settings of the task `mmstar`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.tasks.base import Prompt, TaskSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class MmstarSettings(TaskSettings):
    """MMStar: multiple choice that needs the image."""

    name: Literal["mmstar"] = "mmstar"
    """Name of the task."""
    prompt: Prompt = "{question}\nAnswer with the option's letter from the given choices directly."
    """What the user turn says; `{question}` is the question with its options. The default is that of LLaVA-1.5."""
    llm_accuracy: Annotated[float, Field(ge=0, le=1)] | None = None
    """Accuracy of the LLM before its multimodal training, from which the leakage is told; `null` tells none."""
