"""Whose medium takes the place of one medium of a conversation with several, while the others stay.

Source: macaw's own. That one of two images is never looked at is hidden where all media are swapped at once.
"""

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from macaw_cli.evaluation.questions.media_units import Unit
from macaw_cli.evaluation.questions.pools import Pools, Question


@dataclass(frozen=True)
class Lender:
    """Whose medium takes the place of one medium of a question.

    Args:
        index: of the example.
        contrary: whether the dataset asks the same words about exactly the media that result, and answers otherwise.
            Else the answer may still be right by accident.
    """

    index: int
    contrary: bool


def medium_lenders(questions: Sequence[Question], seed: int) -> list[tuple[Lender | None, ...]]:
    """For each question with several media, who lends a medium for each of them, in order.

    The lender is of the same kind and layout, its answer differs, and its medium is none of the question's. An example
    that is asked the same words about the same media but this one comes first: with its medium the reference answer
    is surely wrong, also where media are compared. Then comes one that is asked the same words, then any of the kind;
    among choices an answer that is one of them.

    Args:
        questions: all held-out questions.
        seed: fixes the draw.

    Returns:
        Per question one entry per medium, None where nobody can lend; empty for a question with fewer than two media.
    """
    pools, draw = Pools(questions, _pools_of), random.Random(seed)
    at_place: dict[tuple[Hashable, Unit], set[str]] = defaultdict(set)
    for question in questions:
        for unit in _several(question):
            at_place[question.of_kind, unit].add(question.media[unit[0]])
    return [
        tuple(
            _lender(question, unit, pools, draw)
            if at_place[question.of_kind, unit] > {question.media[unit[0]]} else None
            for unit in _several(question)
        )
        for question in questions
    ]  # fmt: skip


def _lender(question: Question, unit: Unit, pools: Pools, draw: random.Random) -> Lender | None:
    own, known = question.media[unit[0]], set(question.media)

    def has_another(other: Question) -> bool:
        return other.media[unit[0]] != own

    def has_a_strangers(other: Question) -> bool:
        return other.media[unit[0]] not in known

    for pool, may_lend, contrary in (
        (_but_one(question, unit), has_another, True), (question.of_prompt, has_a_strangers, False),
        (question.of_kind, has_a_strangers, False),
    ):  # fmt: skip
        start = draw.randrange(pools.size(pool))
        for among in (True, False) if question.choices else (False,):
            found = pools.search(pool, start, question, may_lend, among=among)
            if found is not None:
                return Lender(found, contrary)
    return None


def _several(question: Question) -> tuple[Unit, ...]:
    """The media of a question with more than one."""
    return question.units if len(question.units) > 1 else ()


def _pools_of(question: Question) -> list[Hashable]:
    return [question.of_prompt, question.of_kind, *(_but_one(question, unit) for unit in _several(question))]


def _but_one(question: Question, unit: Unit) -> Hashable:
    """The pool of those that ask the same words about the same media, but for this one."""
    return "but one", question.of_prompt, unit, tuple(key for at, key in enumerate(question.media) if at not in unit)
