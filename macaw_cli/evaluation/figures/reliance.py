"""From one scored question each to accuracies, chance, reliance, preference and their intervals."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from macaw_cli.evaluation.figures.judged import measure_judged
from macaw_cli.evaluation.figures.preference import measure_preference
from macaw_cli.evaluation.intervals import difference_interval
from macaw_cli.evaluation.metrics.registry import measure_answers
from macaw_cli.evaluation.questions.conditions import MAIN_CONDITIONS, in_order


@dataclass(frozen=True)
class Scored:
    """One held-out question and what came of it under each condition.

    A condition (`real`, `none`, `told`, `swapped`, ...) that does not apply to a question is absent from the mappings.

    Args:
        kind: name of its kind.
        modality: `image`, `audio`, `video`, a combination such as `image+audio`, or `text`.
        answer: the reference answer.
        right: condition to whether the right choice was the likeliest; empty for a question without choices.
        unseen: True when its combination of attributes appears in no training file.
        choices: the possible answers, where the question has such a list.
        likelihood: condition to the log-likelihood of the reference answer, in nats.
        tokens: tokens of the reference answer, the end token included.
        greedy: condition to whether greedy decoding gives the reference answer whole; empty for one with choices.
        generated: condition to the answer that was generated.
        metrics: names of the text metrics of generated answers.
        turn: which of the answers of its conversation it is.
        turns: how many answers its conversation has.
        contrary: conditions under which the dataset itself gives another answer.
        judged: condition to the score of a judge, 0 to 1.
        media: its media; questions that share one are dependent.
    """

    kind: str
    modality: str
    answer: str
    right: dict[str, bool] = field(default_factory=dict)
    unseen: bool = False
    choices: tuple[str, ...] = ()
    likelihood: dict[str, float] = field(default_factory=dict)
    tokens: int = 1
    greedy: dict[str, bool] = field(default_factory=dict)
    generated: dict[str, str] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    contrary: frozenset[str] = frozenset()
    turn: int = 1
    turns: int = 1
    judged: dict[str, float] = field(default_factory=dict)
    media: tuple[str, ...] = ()


def measure(questions: Sequence[Scored]) -> dict[str, Any]:
    """Figures of a set of questions.

    Args:
        questions: at least one.

    Returns:
        `n` and `with_choices` (questions that accuracy is measured on), the accuracies `real`, `none`, `told`,
        `swapped` in 0..1 (None where no question has the condition), further conditions under their names, `chance`,
        `reliance` = real - swapped over the `paired` questions that have both with its paired interval `ci95`,
        `retention` = none / real, `gap` and `preference` with their intervals over `preference_n` questions,
        `non_finite` (questions left out of these), `metrics` where answers have no choices, and `judge` where a judge
        has scored them.
    """
    figures: dict[str, Any] = {"n": len(questions), "with_choices": sum(bool(question.right) for question in questions)}
    further = {condition for question in questions for condition in question.right} - {*MAIN_CONDITIONS}
    for condition in (*MAIN_CONDITIONS, *in_order(further)):
        figures[condition] = _mean([question.right[condition] for question in questions if condition in question.right])
    by_chance = chance(questions)
    figures["chance"] = None if by_chance is None else round(by_chance, 4)
    paired = [question for question in questions if "swapped" in question.right]
    difference = np.array([float(one.right["real"]) - float(one.right["swapped"]) for one in paired])
    figures["paired"] = len(paired)
    figures["reliance"] = round(float(difference.mean()), 4) if paired else None
    figures["ci95"] = difference_interval(difference, [one.media for one in paired]) if paired else None
    figures["retention"] = retention(figures["real"], figures["none"])
    likely = [question for question in questions if "swapped" in question.likelihood]
    figures |= measure_preference(
        [(one.likelihood["real"], one.likelihood["swapped"], one.tokens) for one in likely],
        [one.media for one in likely],
    )
    metrics = _text_metrics(questions)
    if metrics:
        figures |= {"generated": sum(bool(question.generated) for question in questions), "metrics": metrics}
    if judge := measure_judged([one.judged for one in questions], [one.media for one in questions]):
        figures["judge"] = judge
    return figures


def chance(questions: Sequence[Scored]) -> float | None:
    """Accuracy without any knowledge of the media, per kind, weighted by the kinds' sizes.

    Where all questions of a kind have the same choices it is that of the best constant answer; where each has its own
    list, the mean of 1 / number of choices. None where no question has choices.
    """
    kinds: dict[tuple[str, str], list[Scored]] = defaultdict(list)
    for question in questions:
        if question.right:
            kinds[question.modality, question.kind].append(question)
    count = sum(map(len, kinds.values()))
    return sum(_right_by_chance(group) for group in kinds.values()) / count if count else None


def retention(real: float | None, none: float | None) -> float | None:
    """The share of the accuracy that remains without media; None where there is none to keep."""
    return round(none / real, 4) if real and none is not None else None


def _right_by_chance(group: list[Scored]) -> float:
    """Questions of one kind that are expected to be right."""
    if len({frozenset(question.choices) for question in group}) > 1:
        return sum(1 / max(len(set(question.choices)), 1) for question in group)
    return Counter(question.answer for question in group).most_common(1)[0][1]


def _text_metrics(questions: Sequence[Scored]) -> dict[str, dict[str, float]]:
    """Metric to condition to value, over the questions without choices."""
    found: dict[str, dict[str, float]] = {}
    for condition in dict.fromkeys(name for question in questions for name in question.greedy):
        values = [question.greedy[condition] for question in questions if condition in question.greedy]
        found.setdefault("greedy_match", {})[condition] = round(float(np.mean(values)), 4)
    for metric in dict.fromkeys(name for question in questions if question.generated for name in question.metrics):
        asked = [question for question in questions if metric in question.metrics and question.generated]
        for condition in dict.fromkeys(name for question in asked for name in question.generated):
            pairs = [(q.answer, q.generated[condition]) for q in asked if condition in q.generated]
            found.setdefault(metric, {})[condition] = measure_answers(metric, pairs)
    return found


def _mean(values: Sequence[bool]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None
