"""The JSON of `macaw evaluate --json`: figures per modality, per kind, and over all."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from macaw_cli.evaluation.figures.per_medium import measure_per_medium
from macaw_cli.evaluation.figures.reliance import Scored
from macaw_cli.evaluation.figures.reliance import measure as measure_all
from macaw_cli.modalities.table import MODALITIES

FIGURES_VERSION = 2
"""1 had no `told`, `retention`, `gap`, `preference` and `metrics`, and its kinds did not name their modality."""


def report(model: str, questions: Sequence[Scored]) -> dict[str, Any]:
    """All figures.

    Unseen combinations and text-only questions have entries of their own (`unseen`, `text`) and are left out of
    `modalities`, `kinds` and `overall`. Conversations with several answers have `turns` beside them: the figures of the
    first, the second, ... answers. Each entry of `kinds` names its `modality`: what media its questions have.

    Args:
        model: name of the model that answered.
        questions: every scored question.
    """
    media = [question for question in questions if question.modality != "text" and not question.unseen]
    unseen = [question for question in questions if question.unseen]
    text = [question for question in questions if question.modality == "text" and not question.unseen]
    content: dict[str, Any] = {
        "version": FIGURES_VERSION,
        "model": model,
        "modalities": {name: measure(group) for name, group in _by_modality(media)},
        "kinds": _kinds(media),
    }
    if media:
        content["overall"] = measure(media)
    if several := [question for question in media if question.turns > 1]:
        by_turn = _grouped(several, lambda question: str(question.turn))
        content["turns"] = {turn: measure(by_turn[turn]) for turn in sorted(by_turn, key=int)}
    if unseen:
        content["unseen"] = {
            **{name: measure(group) for name, group in _by_modality(unseen)}, "overall": measure(unseen)
        }  # fmt: skip
    if text:
        content["text"] = {**measure(text), "kinds": _kinds(text)}
    return content


def measure(questions: Sequence[Scored]) -> dict[str, Any]:
    """`reliance.measure`, and `per_medium` where one medium or one part of a video was swapped alone."""
    apart = measure_per_medium(questions)
    return measure_all(questions) | ({"per_medium": apart} if apart else {})


def _kinds(questions: Sequence[Scored]) -> dict[str, Any]:
    """Figures per kind, modality after modality; a kind that several modalities have is named with each of them."""
    modalities_of: dict[str, set[str]] = defaultdict(set)
    for question in questions:
        modalities_of[question.kind].add(question.modality)
    found: dict[str, Any] = {}
    for modality, group in _by_modality(questions):
        for kind, below in sorted(_grouped(group, lambda question: question.kind).items()):
            name = kind if len(modalities_of[kind]) == 1 else f"{kind} ({modality})"
            found[name] = {"modality": modality, **measure(below)}
    return found


def _by_modality(questions: Sequence[Scored]) -> list[tuple[str, list[Scored]]]:
    """Image, audio, video, then their combinations."""
    groups = _grouped(questions, lambda question: question.modality)
    return sorted(groups.items(), key=lambda item: _place(item[0]))


def _grouped(questions: Sequence[Scored], key: Callable[[Scored], str]) -> dict[str, list[Scored]]:
    groups: dict[str, list[Scored]] = defaultdict(list)
    for question in questions:
        groups[key(question)].append(question)
    return groups


def _place(modality: str) -> tuple[int, str]:
    return (MODALITIES.index(modality) if modality in MODALITIES else len(MODALITIES)), modality
