"""Settings of the task `questions`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.tasks.base import TaskSettings, names
from macaw_cli.config.text_metrics import TextMetric


@dataclass(frozen=True, kw_only=True, slots=True)
class QuestionsSettings(TaskSettings):
    """Questions of your own, with one right answer or several of equal right."""

    name: Literal["questions"] = "questions"
    """Name of the task."""
    metrics: Annotated[tuple[TextMetric, ...], names] = ("exact_match", "rouge_l")
    """Further text metrics beside `token_f1`."""
    max_new_tokens: Annotated[int, Field(ge=1)] = 64
    """Longest generated answer in tokens."""
