"""From one row of right and wrong per question to accuracies, chance, reliance and its interval."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from macaw_cli.config.settings import MODALITIES

BOOTSTRAP_SAMPLES = 2000


@dataclass(frozen=True)
class Scored:
    """One held-out question and whether it was answered right under each condition.

    Args:
        kind: name of its kind.
        modality: `image`, `audio`, `video`, a combination such as `image+audio`, or `text`.
        answer: the expected answer, from which chance is computed.
        right: condition (`real`, `none`, `swapped`, ...) to right or wrong; a condition that does not apply is absent.
        unseen: True when its combination of attributes appears in no training file.
    """

    kind: str
    modality: str
    answer: str
    right: dict[str, bool]
    unseen: bool = False


def measure(questions: Sequence[Scored]) -> dict[str, Any]:
    """Accuracies of a set of questions.

    Args:
        questions: at least one.

    Returns:
        `n`, the accuracies `real`, `none`, `swapped` in 0..1 (None where no question has the condition), further
        conditions under their names, `chance` (the best constant answer per kind), `reliance` = real - swapped over the
        questions that have both, and `ci95`, its paired bootstrap interval.
    """
    conditions = [
        "real",
        "none",
        "swapped",
        *sorted({c for q in questions for c in q.right} - {"real", "none", "swapped"}),
    ]
    figures: dict[str, Any] = {"n": len(questions)}
    for condition in conditions:
        values = [question.right[condition] for question in questions if condition in question.right]
        figures[condition] = round(float(np.mean(values)), 4) if values else None
    figures["chance"] = round(chance(questions), 4)
    paired = [(q.right["real"], q.right["swapped"]) for q in questions if "swapped" in q.right]
    difference = np.array([float(real) - float(swapped) for real, swapped in paired])
    figures["reliance"] = round(float(difference.mean()), 4) if paired else None
    figures["ci95"] = bootstrap_interval(difference) if paired else None
    return figures


def chance(questions: Sequence[Scored]) -> float:
    """Accuracy of the best constant answer per kind, weighted by the kinds' sizes."""
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for question in questions:
        answers[question.kind][question.answer] += 1
    return sum(counter.most_common(1)[0][1] for counter in answers.values()) / len(questions)


def bootstrap_interval(difference: np.ndarray, seed: int = 0) -> list[float]:
    """95 % percentile interval of the mean of paired differences.

    Args:
        difference: (n,) float, one difference per question.
        seed: fixes the resampling.
    """
    draw = np.random.default_rng(seed)
    means = [difference[draw.integers(0, len(difference), len(difference))].mean() for _ in range(BOOTSTRAP_SAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return [round(float(low), 4), round(float(high), 4)]


def report(model: str, questions: Sequence[Scored]) -> dict[str, Any]:
    """The JSON of `macaw evaluate --json`.

    Unseen combinations and text-only questions have entries of their own (`unseen`, `text`) and are left out of
    `modalities`, `kinds` and `overall`.

    Args:
        model: name of the model that answered.
        questions: every scored question.
    """
    media = [question for question in questions if question.modality != "text" and not question.unseen]
    unseen = [question for question in questions if question.unseen]
    text = [question for question in questions if question.modality == "text"]
    content: dict[str, Any] = {
        "model": model,
        "modalities": _grouped(media, lambda question: question.modality),
        "kinds": _grouped(media, lambda question: question.kind),
    }
    if media:
        content["overall"] = measure(media)
    if unseen:
        content["unseen"] = {**_grouped(unseen, lambda question: question.modality), "overall": measure(unseen)}
    if text:
        content["text"] = measure(text)
    return content


def _grouped(questions: Sequence[Scored], key: Callable[[Scored], Hashable]) -> dict[Any, Any]:
    groups: dict[Hashable, list[Scored]] = defaultdict(list)
    for question in questions:
        groups[key(question)].append(question)
    return {name: measure(groups[name]) for name in sorted(groups, key=_place)}


def _place(name: Hashable) -> tuple[int, str]:
    """Image, audio, video, then everything else; kinds behind one another within their modality."""
    first = str(name).partition("/")[0]
    return (MODALITIES.index(first) if first in MODALITIES else len(MODALITIES)), str(name)
