"""Settings of the task `fairness`."""

from dataclasses import dataclass
from typing import Literal

from macaw_cli.config.tasks.base import TaskSettings, Way


@dataclass(frozen=True, kw_only=True, slots=True)
class FairnessSettings(TaskSettings):
    """The same questions about groups of media, such as people of different age: are they answered equally well?"""

    name: Literal["fairness"] = "fairness"
    """Name of the task."""
    group: str = "group"
    """The column that says to which group a row's medium belongs."""
    pair: str = ""
    """The column that says which rows of different groups are compared; empty means those with the same question."""
    answer: Way = "likeliest"
    """`likeliest`: the likeliest of a row's `choices`; `generated`: the answer is what the model generates."""
