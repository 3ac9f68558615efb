"""From what became of every held-out question to means, intervals, spreads over seeds, and paired differences.

Source of the intervals: `evaluation/intervals.py`. With several seeds a question counts as the mean over its
seeds, so that an interval is over questions; how much seeds differ is told beside it, as the spread.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from macaw_cli.basics.figure_kinds import kinds_below
from macaw_cli.evaluation.figures.answers import Answer, Answers
from macaw_cli.evaluation.figures.paired import (
    by_modality_and_kind,
    common_questions,
    measured_values,
    paired_difference,
    questions_with,
)
from macaw_cli.evaluation.intervals import difference_interval, share_interval, wilson_interval
from macaw_cli.reports.design_comparison import MEASURES, OVERALL, Measured


def quality_of(seeds: Sequence[Answers]) -> dict[str, dict[str, Measured]]:
    """Every measure over all questions with media, per modality and per kind.

    Args:
        seeds: the answers of each seed's run to the same questions; those that not all of them have are left out.
    """
    keys = common_questions(seeds)
    groups = {OVERALL: keys} | _grouped(seeds[0], keys) if keys else {}
    found = {}
    for line, group in groups.items():
        measures = {measure: measured(seeds, group, measure) for measure in MEASURES}
        found[line] = {measure: one for measure, one in measures.items() if one}
    return {line: measures for line, measures in found.items() if measures}


def quality_of_figures(figures: Mapping[str, Any]) -> dict[str, dict[str, Measured]]:
    """The same from the figures of one validation, which tell nothing of single questions."""
    lines = {OVERALL: figures.get("overall") or {}}
    for modality, seen in (figures.get("modalities") or {}).items():
        lines[modality] = seen
        lines |= {f"  {kind}": below for kind, below in kinds_below(figures, modality).items()}
    found = {line: _measures_in(seen) for line, seen in lines.items()}
    return {line: measures for line, measures in found.items() if measures}


def measured(seeds: Sequence[Answers], keys: Sequence[str], measure: str) -> Measured | None:
    """One measure over some questions; None where no question has it."""
    keys = questions_with(seeds, keys, measure)
    if not keys:
        return None
    values, media = measured_values(seeds, keys, measure), [seeds[0][key].media for key in keys]
    mean, n = float(values.mean()), values.shape[1]
    of_questions = values.mean(axis=0)
    interval = difference_interval if measure == "reliance" else share_interval
    ci95 = interval(of_questions, media)
    return Measured(round(mean, 4), ci95, n, _spread(values.mean(axis=1)))


def difference(seeds: Sequence[Answers], first: Sequence[Answers], measure: str) -> Measured | None:
    """How much higher a measure is than the first design's, over the questions that both have; paired.

    Args:
        seeds: of the design.
        first: of the first design.
        measure: one of `MEASURES`.
    """
    keys = questions_with([*seeds, *first], common_questions([*seeds, *first]), measure)
    if not keys:
        return None
    ours, theirs = measured_values(seeds, keys, measure), measured_values(first, keys, measure)
    media = [first[0][key].media for key in keys]
    value, ci95 = paired_difference(ours.mean(axis=0), theirs.mean(axis=0), media)
    of_seeds = ours.mean(axis=1) - theirs.mean(axis=1) if len(seeds) == len(first) else np.zeros(1)
    return Measured(value, ci95, len(keys), _spread(of_seeds))


def _measures_in(seen: Mapping[str, Any]) -> dict[str, Measured]:
    """What the figures of a modality or kind say; accuracy gets its interval here."""
    found = {}
    n = seen.get("with_choices") or 0
    if n and seen.get("real") is not None:
        found["accuracy"] = Measured(seen["real"], wilson_interval(seen["real"], n), n)
    for measure, interval, count in (("reliance", "ci95", "paired"), ("preference", "preference_ci95", "preference_n")):
        if seen.get(measure) is not None:
            found[measure] = Measured(seen[measure], seen.get(interval), seen.get(count) or seen.get("n") or 0)
    return found


def _grouped(answers: Mapping[str, Answer], keys: Sequence[str]) -> dict[str, list[str]]:
    """Modality after modality, each followed by its kinds where it has several, indented as in other tables."""
    found: dict[str, list[str]] = {}
    for modality, kinds in by_modality_and_kind(answers, keys).items():
        own = {key for group in kinds.values() for key in group}
        found[modality] = [key for key in keys if key in own]
        if list(kinds) != [modality]:
            found |= {f"  {kind}": group for kind, group in kinds.items()}
    return found


def _spread(of_seeds: np.ndarray) -> float | None:
    return round(float(of_seeds.std(ddof=1)), 4) if len(of_seeds) > 1 else None
