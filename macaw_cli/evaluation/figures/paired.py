"""The same questions put to two models: differences question by question, and the groups that they are told of."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from macaw_cli.evaluation.figures.answers import Answer, Answers
from macaw_cli.evaluation.intervals import Media, difference_interval


def common_questions(answered: Sequence[Answers]) -> list[str]:
    """Keys of the questions that all of them have, in the order of the first."""
    others = answered[1:]
    return [key for key in answered[0] if all(key in answers for answers in others)] if answered else []


def measured_values(answered: Sequence[Answers], keys: Sequence[str], measure: str) -> np.ndarray:
    """(models, questions) float64, of the questions that have the measure in each of them.

    Args:
        answered: of each model or seed.
        keys: questions.
        measure: `accuracy`, `reliance` or `preference`.
    """
    known = questions_with(answered, keys, measure)
    rows = [[getattr(answers[key], measure) for answers in answered] for key in known]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(answered)).T


def questions_with(answered: Sequence[Answers], keys: Sequence[str], measure: str) -> list[str]:
    """The keys of the questions that have the measure in each of the models or seeds."""
    return [key for key in keys if all(getattr(answers[key], measure) is not None for answers in answered)]


def paired_difference(ours: np.ndarray, theirs: np.ndarray, media: Media | None) -> tuple[float, list[float]]:
    """Mean of ours - theirs over the questions, and its paired 95 % interval (`difference_interval`).

    Args:
        ours: (n,) float, one value per question, n at least 1.
        theirs: (n,) float, of the same questions.
        media: of each question; None takes all as independent.
    """
    paired = ours - theirs
    return round(float(paired.mean()), 4), difference_interval(paired, media)


def by_modality_and_kind(answers: Mapping[str, Answer], keys: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Modality to kind to the keys of its questions, in the order of tables.

    A kind that several modalities have is named with each, as in the figures of `macaw evaluate`.
    """
    found: dict[str, dict[str, list[str]]] = {}
    asked_by = Counter(kind for _, kind in {(answers[key].modality, answers[key].kind) for key in keys})
    for modality in dict.fromkeys(answers[key].modality for key in sorted(keys, key=lambda key: answers[key].place)):
        own = [key for key in keys if answers[key].modality == modality]
        found[modality] = {
            kind if asked_by[kind] == 1 else f"{kind} ({modality})": [key for key in own if answers[key].kind == kind]
            for kind in sorted({answers[key].kind for key in own})
        }
    return found
