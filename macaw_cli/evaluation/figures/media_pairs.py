"""Question, item and group accuracy: right about two media whose answers differ, which no guess can be.

Source: NaturalBench (Li et al. 2024, arXiv 2410.14669, section 3), whose groups are two images and two questions, each
with another answer to the other image. Here they come from the held-out questions themselves: a question and its swap
partner that is asked the same words are one question about two media; two such questions about the same two media are
a group. Each of the four answers is one that was given under `real`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from macaw_cli.evaluation.intervals import share_interval
from macaw_cli.evaluation.questions.held_out import UNSEEN_TAG, HeldOut

Pair = tuple[int, int]
"""Numbers of two questions with the same words and choices, other media and another answer; the lower one first."""


@dataclass(frozen=True)
class Group:
    """Two questions about the same two media.

    Args:
        one: a question about the first and the second medium.
        other: another question about them.
    """

    one: Pair
    other: Pair


def measure_pairs(questions: Sequence[HeldOut]) -> dict[str, Any]:
    """`overall` and per modality what `_measured` gives; empty where no question has such a partner.

    Args:
        questions: answered, each with its `partner`; those without choices, and unseen combinations, are left out.
    """
    pairs = pairs_of(questions)
    if not pairs:
        return {}
    groups = groups_of(questions, pairs)
    found = {"overall": _measured(questions, pairs, groups)}
    modalities = {}
    for name in dict.fromkeys(questions[pair[0]].modality for pair in pairs):
        own = {pair: None for pair in pairs if questions[pair[0]].modality == name}
        modalities[name] = _measured(questions, list(own), [one for one in groups if one.one in own])
    return {**found, "modalities": modalities}


def pairs_of(questions: Sequence[HeldOut]) -> list[Pair]:
    """The swap pairs that are one question about two media, each once."""
    found: dict[Pair, None] = {}
    for number, question in enumerate(questions):
        partner = question.partner
        if partner is not None and _are_counterparts(question, questions[partner]):
            found[min(number, partner), max(number, partner)] = None
    return list(found)


def groups_of(questions: Sequence[HeldOut], pairs: Sequence[Pair]) -> list[Group]:
    """Pairs with a second question about their two media: the first one that there is; each group once."""
    about: dict[tuple[str, ...], list[int]] = {}
    for number, question in enumerate(questions):
        if "real" in question.right:
            about.setdefault(_media(question), []).append(number)
    found: dict[frozenset[int], Group] = {}
    for pair in pairs:
        first, second = (about[_media(questions[number])] for number in pair)
        others = (
            (one, other) for one in first for other in second
            if one not in pair and other not in pair and _are_counterparts(questions[one], questions[other])
            and _words(questions[one]) != _words(questions[pair[0]])
        )  # fmt: skip
        if (other := next(others, None)) is not None:
            found.setdefault(frozenset({*pair, *other}), Group(pair, other))
    return list(found.values())


def _measured(questions: Sequence[HeldOut], pairs: Sequence[Pair], groups: Sequence[Group]) -> dict[str, Any]:
    """Shares with their intervals, chance with uniform guesses, and how many there are.

    Sets with a medium in common count as dependent in the intervals.

    `question_accuracy`: both media of a pair right; `item_accuracy`: both questions about one medium of a group;
    `group_accuracy`: all four. None without groups.
    """

    def right(*numbers: int) -> bool:
        return all(questions[number].right["real"] for number in numbers)

    def guessed(*numbers: int) -> float:
        return float(np.prod([1 / len(set(questions[number].row.choices or ())) for number in numbers]))

    of_items = [numbers for one in groups for numbers in zip(one.one, one.other, strict=True)]
    of_groups = [(*one.one, *one.other) for one in groups]

    def share(name: str, sets: Sequence[tuple[int, ...]]) -> dict[str, Any]:
        if not sets:
            return {f"{name}_accuracy": None, f"{name}_ci95": None, f"{name}_chance": None}
        found = np.array([right(*numbers) for numbers in sets], dtype=np.float64)
        media = [{key for number in numbers for key in _media(questions[number])} for numbers in sets]
        by_chance = sum(guessed(*numbers) for numbers in sets) / len(sets)
        return {
            f"{name}_accuracy": round(float(found.mean()), 4), f"{name}_ci95": share_interval(found, media),
            f"{name}_chance": round(by_chance, 4),
        }  # fmt: skip

    return {
        "pairs": len(pairs), "groups": len(groups),
        **share("question", pairs), **share("item", of_items), **share("group", of_groups),
    }  # fmt: skip


def _are_counterparts(one: HeldOut, other: HeldOut) -> bool:
    """Whether they are one question about two media with two answers."""
    return (
        "real" in one.right and "real" in other.right and one.answer != other.answer
        and set(one.row.choices or ()) == set(other.row.choices or ()) and _words(one) == _words(other)
        and one.row.kind == other.row.kind and not set(_media(one)) & set(_media(other))
        and UNSEEN_TAG not in one.row.tags and UNSEEN_TAG not in other.row.tags
    )  # fmt: skip


def _words(question: HeldOut) -> list[dict[str, Any]]:
    return question.messages[:-1]


def _media(question: HeldOut) -> tuple[str, ...]:
    return tuple(ref.key for ref in question.row.media)
