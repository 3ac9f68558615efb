"""Settings of the task `vqav2`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.tasks.base import Prompt, TaskSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Vqav2Settings(TaskSettings):
    """VQAv2: open questions about images, ten people's answers each."""

    name: Literal["vqav2"] = "vqav2"
    """Name of the task."""
    split: str = "val2014"
    """Which files are read where `path` is a folder, and how image files begin: `COCO_val2014_`."""
    annotations: str = ""
    """The file of answers beside the file of questions, where its name does not tell."""
    prompt: Prompt = "{question}\nAnswer the question using a single word or phrase."
    """What the user turn says; the default is that of LLaVA-1.5 (arXiv 2310.03744, table 8)."""
