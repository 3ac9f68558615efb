"""Settings of the task `pope`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.tasks.base import TaskSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class PopeSettings(TaskSettings):
    """POPE: is an object in the image? Hallucinated objects are counted."""

    name: Literal["pope"] = "pope"
    """Name of the task."""
    data: Literal["coco", "aokvqa", "gqa"] = "coco"
    """Which files are read where `path` is a folder: `coco_pope_random.json` and the like."""
