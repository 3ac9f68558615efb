"""Settings of the task `esc50`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.tasks.base import TaskSettings, Way


@dataclass(frozen=True, kw_only=True, slots=True)
class Esc50Settings(TaskSettings):
    """What is heard in a clip, of fifty classes; also in other folders in the layout of ESC-50."""

    name: Literal["esc50"] = "esc50"
    """Name of the task."""
    question: str = "What is heard in the audio? Answer with its name."
    """What is asked about every clip."""
    esc10: bool = False
    """Only the ten classes that the file marks as easy."""
    answer: Way = "likeliest"
    """`likeliest`: the class whose name is likeliest; `generated`: the answer is what the model generates."""
