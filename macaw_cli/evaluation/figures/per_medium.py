"""How much an answer relies on each medium of several, and on each part of a video: one is swapped, the others stay.

Source: macaw's own; intervals as in `reliance` and `preference`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from macaw_cli.evaluation.figures.preference import measure_preference
from macaw_cli.evaluation.figures.reliance import Scored
from macaw_cli.evaluation.intervals import difference_interval
from macaw_cli.evaluation.questions.conditions import SWAPPED_ONE, in_order


def measure_per_medium(questions: Sequence[Scored]) -> dict[str, Any]:
    """Reliance and preference for each condition in which one medium, or one part of a video, is another example's.

    Args:
        questions: any number.

    Returns:
        Condition (`swapped_1`, `swapped_image`, ...) to `swapped` (accuracy), `reliance` = real - swapped over the
        `paired` questions with choices and its paired interval `ci95`, `contrary` (questions, of those with the
        condition, whose answer is known to be another then), and what `measure_preference` gives.
    """
    found: dict[str, Any] = {}
    for condition in in_order({name for one in questions for name in one.likelihood if name.startswith(SWAPPED_ONE)}):
        asked = [one for one in questions if condition in one.likelihood]
        chosen = [one for one in asked if condition in one.right]
        swapped = np.array([one.right[condition] for one in chosen], dtype=np.float64)
        difference = np.array([one.right["real"] for one in chosen], dtype=np.float64) - swapped
        found[condition] = {
            "swapped": round(float(swapped.mean()), 4) if chosen else None,
            "paired": len(chosen),
            "reliance": round(float(difference.mean()), 4) if chosen else None,
            "ci95": difference_interval(difference, [one.media for one in chosen]) if chosen else None,
            "contrary": sum(condition in one.contrary for one in asked),
            **measure_preference(
                [(one.likelihood["real"], one.likelihood[condition], one.tokens) for one in asked],
                [one.media for one in asked],
            ),
        }
    return found
