"""Which figures tasks will have, as far as their settings tell, before a model is loaded."""

from collections.abc import Mapping, Sequence

from macaw_cli.config.tasks.base import TaskSettings
from macaw_cli.evaluation.figures.thresholds import LEFT_OUT, Threshold, unknown_figure

OF_TASKS = ("reliance", "paired", "retention", "rejected", "compared")
"""Figures of a task beside those of its conditions."""


def require_known_of_tasks(thresholds: Sequence[Threshold], tasks: Sequence[TaskSettings]) -> None:
    """Refuse a `--fail-under` that names no task, or none of its conditions and figures.

    What a task counts under each condition, and its groups, are known when it was asked.

    Args:
        thresholds: what must be reached.
        tasks: that will be asked.

    Raises:
        UsageError: with what is possible.
    """
    known = {task.called: (*task.conditions, *OF_TASKS) for task in tasks}
    for threshold in thresholds:
        if not any(_may_be_of(threshold.name.removeprefix("tasks."), title, known[title]) for title in known):
            raise unknown_figure(threshold.name, _examples(known), f"A name begins with the task: {_told(known)}.")


def _may_be_of(name: str, title: str, parts: Sequence[str]) -> bool:
    """Whether a figure of the task may be called so; a part that may be left out says nothing."""
    if title in LEFT_OUT or not name.startswith(f"{title}."):
        return title in LEFT_OUT
    told = [part for part in name.removeprefix(f"{title}.").split(".") if part not in LEFT_OUT]
    return bool(told) and told[0] in parts


def _examples(known: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{title}.{part}" for title, parts in known.items() for part in parts]


def _told(known: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{title}. and {', '.join(parts)}" for title, parts in known.items())
