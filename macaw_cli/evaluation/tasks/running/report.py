"""From the answers to a task's items to its figures under each condition, and reliance."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from macaw_cli.config.tasks.base import Condition
from macaw_cli.evaluation.figures.reliance import retention
from macaw_cli.evaluation.intervals import difference_interval
from macaw_cli.evaluation.tasks.item import Answered, Item
from macaw_cli.evaluation.tasks.running.conditions import Asked
from macaw_cli.evaluation.tasks.running.kept_answers import Said
from macaw_cli.evaluation.tasks.task import Task

TASK_FIGURES_VERSION = 1
Answers = dict[str, list[Answered]]
"""Condition to the answers under it."""


def by_condition(
    items: Sequence[Item], said: Mapping[Asked, Said], conditions: Sequence[Condition], unusable: Mapping[int, str]
) -> Answers:
    """The answers under each condition, in the order of the items, whole clusters only.

    An item without media has the same answer under all of them. A condition is left out where the task has items with
    media, and none of them has an answer under it.

    Args:
        items: of the task.
        said: each answer.
        conditions: that were asked.
        unusable: numbers of items that cannot be asked.
    """
    known: dict[tuple[int, str], Said] = {(asked.number, asked.condition): one for asked, one in said.items()}
    size = Counter(item.cluster_id for item in items)
    found: Answers = {}
    for condition in conditions:
        answers = []
        for number, item in enumerate(items):
            answer = known.get((number, condition if item.media else "real"))
            if answer is not None and number not in unusable:
                answers.append(Answered(item, *answer))
        here = Counter(answered.item.cluster_id for answered in answers)
        whole = [one for one in answers if here[one.item.cluster_id] == size[one.item.cluster_id]]
        if any(one.item.media for one in whole) or condition == "real" or not any(item.media for item in items):
            found[condition] = whole
    return found


def task_report(task: Task[Any], answers: Answers) -> dict[str, Any]:
    """The JSON of one task.

    Args:
        task: whose items were asked.
        answers: under `real` at least one.

    Returns:
        `conditions` (what `Task.figures` gives, per condition); where `swapped` was asked `reliance` over `paired`
        clusters with its paired interval `ci95`, and `retention` = none / real over the same; `compared` where the task
        has figures of several conditions; `not_asked`, the conditions that apply to no item, where there are some.
    """
    report: dict[str, Any] = {
        "version": TASK_FIGURES_VERSION,
        "task": task.settings.name,
        "score": task.score_name,
        "higher_is_better": task.higher_is_better,
        "conditions": {name: _rounded(task.figures(some)) for name, some in answers.items() if some},
    }
    if missing := [name for name in task.settings.conditions if not answers.get(name)]:
        report["not_asked"] = missing
    if answers.get("swapped"):
        report |= _reliance(task, answers)
    if compared := task.compare(answers):
        report["compared"] = _rounded(compared)
    return report


def _reliance(task: Task[Any], answers: Answers) -> dict[str, Any]:
    """Reliance over the items with media that were asked under `real` and `swapped`; a cluster counts once.

    Its interval is `difference_interval` of the paired differences; clusters with a file in common are dependent.
    """
    means = {
        name: _cluster_means(some, task.scores(some)) for name, some in answers.items() if name in _COMPARED and some
    }
    paired = [cluster for cluster in means["real"] if cluster in means["swapped"]]
    if not paired:
        return {"paired": 0, "reliance": None, "ci95": None, "retention": None}
    media: dict[str, set[str]] = defaultdict(set)
    for answered in answers["real"]:
        media[answered.item.cluster_id] |= {str(medium.path) for medium in answered.item.media if medium.path}
    sign = 1 if task.higher_is_better else -1
    difference = np.array([sign * (means["real"][one] - means["swapped"][one]) for one in paired])
    real, none = (
        [means[name][one] for one in paired if one in means[name]] if name in means else [] for name in ("real", "none")
    )
    kept = retention(float(np.mean(real)), float(np.mean(none))) if none and task.higher_is_better else None
    return {
        "paired": len(paired), "reliance": round(float(difference.mean()), 4), "retention": kept,
        "ci95": difference_interval(difference, [media[one] for one in paired]),
    }  # fmt: skip


_COMPARED = ("real", "none", "swapped")


def _cluster_means(answers: Sequence[Answered], scores: Sequence[float]) -> dict[str, float]:
    """Of the items with media."""
    together: dict[str, list[float]] = defaultdict(list)
    for answered, score in zip(answers, scores, strict=True):
        if answered.item.media:
            together[answered.item.cluster_id].append(score)
    return {cluster: sum(some) / len(some) for cluster, some in together.items()}


def _rounded(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _rounded(value) if isinstance(value, Mapping) else round(value, 4) if isinstance(value, float) else value
        for name, value in figures.items()
    }  # fmt: skip
