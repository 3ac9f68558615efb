"""Figures of the scores that a judge gave to generated answers.

Source: macaw's own; reliance and its interval are those of accuracy, with scores in the place of right and wrong.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from macaw_cli.evaluation.intervals import Media, difference_interval
from macaw_cli.evaluation.questions.conditions import in_order


def measure_judged(scores: Sequence[Mapping[str, float]], media: Media | None = None) -> dict[str, Any]:
    """Mean score per condition, and how much it relies on the media.

    Args:
        scores: of each question, condition to score in 0..1; empty where none of its answers was judged.
        media: of each question; None takes all as independent.

    Returns:
        `n` (questions with a judged answer), the mean of each condition that was judged, `reliance` = real - swapped
        over the `paired` questions that have both with its paired interval `ci95`; empty without any score.
    """
    judged = [one for one in scores if one]
    if not judged:
        return {}
    figures: dict[str, Any] = {"n": len(judged)}
    for condition in in_order({name for one in judged for name in one}):
        figures[condition] = round(float(np.mean([one[condition] for one in judged if condition in one])), 4)
    paired = [number for number, one in enumerate(scores) if {"real", "swapped"} <= one.keys()]
    difference = np.array([scores[number]["real"] - scores[number]["swapped"] for number in paired])
    own = media and [media[number] for number in paired]
    figures["paired"] = len(difference)
    figures["reliance"] = round(float(difference.mean()), 4) if len(difference) else None
    figures["ci95"] = difference_interval(difference, own) if len(difference) else None
    return figures
