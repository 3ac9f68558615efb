"""Figures over several orders of the same demonstrations: of each, their spread, and of the mean log-likelihoods.

Orders: Lu et al. 2022 (arXiv 2104.08786). The mean log-likelihood of each candidate over the orders is prompt
ensembling as in Flamingo (Alayrac et al. 2022, appendix A.2).
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from macaw_cli.evaluation.evaluate import figures_of
from macaw_cli.evaluation.questions.held_out import HeldOut, text_of

MEASURES = ("real", "none", "swapped", "reliance", "preference")


def last_answer(questions: Sequence[HeldOut]) -> dict[str, float]:
    """Per modality, the share of the questions whose answer is also that of their last demonstration.

    What a model reaches that repeats it: with `nearest`, nearest-neighbour classification.

    Args:
        questions: with their demonstrations.
    """
    same: dict[str, list[bool]] = {}
    for question in questions:
        if question.demonstrations:
            answer = text_of(question.demonstrations[-1].messages[-1]["content"])
            same.setdefault(question.modality, []).append(answer == question.answer)
    return {modality: mean_of(right) for modality, right in same.items()}


def over_orders(runs: Sequence[Sequence[HeldOut]]) -> dict[str, Any]:
    """Figures per order of the demonstrations, and over them.

    Args:
        runs: the same questions, answered behind each order.

    Returns:
        `orders`, and for `overall` and each of `modalities` per measure: its values (`each`), their `mean` and
        standard deviation `std` (n - 1), and `ensemble`, that of the mean log-likelihoods.
    """
    reports = [figures_of("", run) for run in runs]
    whole = figures_of("", ensemble(runs))
    modalities = {name: _spread([one["modalities"][name] for one in reports], whole["modalities"][name])
                  for name in whole["modalities"]}  # fmt: skip
    found: dict[str, Any] = {"orders": len(runs), "modalities": modalities}
    for name in ("overall", "text"):
        if name in whole:
            found[name] = _spread([one[name] for one in reports], whole[name])
    return found


def ensemble(runs: Sequence[Sequence[HeldOut]]) -> list[HeldOut]:
    """The questions with the mean log-likelihood of each candidate over the runs; whatever is generated is left out."""
    answered = []
    for same in zip(*runs, strict=True):
        question = copy.copy(same[0])
        question.answers, question.right, question.likelihood, question.greedy = {}, {}, {}, {}
        question.scores = {
            condition: np.mean([one.scores[condition] for one in same], axis=0).tolist()
            for condition in same[0].scores
        }
        for condition, scores in question.scores.items():
            question.likelihood[condition] = scores[question.reference]
            if question.row.choices:
                best = max(range(len(question.row.choices)), key=scores.__getitem__)
                question.answers[condition] = question.candidates[best]
                question.right[condition] = best == question.reference
        answered.append(question)
    return answered


def _spread(reports: Sequence[dict[str, Any]], whole: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for measure in MEASURES:
        each = [one.get(measure) for one in reports]
        if all(value is not None for value in each):
            values = np.array(each, float)
            std = round(float(values.std(ddof=1)), 4)
            found[measure] = {"each": each, "mean": mean_of(each), "std": std, "ensemble": whole.get(measure)}
    return found


def mean_of(values: Sequence[Any]) -> float:
    """To four decimals; 0 of none."""
    return round(float(np.mean(values)), 4) if values else 0.0
