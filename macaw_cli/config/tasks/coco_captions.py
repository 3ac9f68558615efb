"""Settings of the task `coco-captions`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.tasks.base import TaskSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class CocoCaptionsSettings(TaskSettings):
    """Captions of COCO's images, and the objects that they hallucinate."""

    name: Literal["coco-captions"] = "coco-captions"
    """Name of the task."""
    question: str = "Describe the image in one short sentence."
    """What is asked about every image."""
    split: str = "test"
    """Which images are asked of a file with several splits, such as Karpathy's `dataset_coco.json`."""
    instances: str = ""
    """The file of instances, for CHAIR; empty means `instances_val2014.json` beside `captions_val2014.json`, where it
    is."""
    max_new_tokens: Annotated[int, Field(ge=1)] = 40
    """Longest generated caption in tokens."""
