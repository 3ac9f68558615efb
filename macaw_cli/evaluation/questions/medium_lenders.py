"""Whose medium takes the place of one medium of a conversation with several, while the others stay.

Source: macaw's own. That one of two images is never looked at is hidden where all media are swapped at once.
"""

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from macaw_cli.evaluation.questions.media_units import Unit
from macaw_cli.evaluation.questions.swapping import Question


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
    by_kind: dict[Hashable, list[int]] = defaultdict(list)
    by_prompt: dict[Hashable, list[int]] = defaultdict(list)
    by_others: dict[Hashable, list[int]] = defaultdict(list)
    for index, question in enumerate(questions):
        by_kind[_sort(question)].append(index)
        by_prompt[_sort(question), question.prompt].append(index)
        if len(question.units) > 1:
            for unit in question.units:
                by_others[_sort(question), question.prompt, unit, _others(question, unit)].append(index)
    draw = random.Random(seed)
    lenders: list[tuple[Lender | None, ...]] = []
    for question in questions:
        found: list[Lender | None] = []
        for unit in question.units if len(question.units) > 1 else ():
            same = by_others[_sort(question), question.prompt, unit, _others(question, unit)]
            chosen = _drawn(same, questions, question, unit, draw, anything=True)
            contrary = chosen is not None
            for pool in (by_prompt[_sort(question), question.prompt], by_kind[_sort(question)]):
                if chosen is None:
                    chosen = _drawn(pool, questions, question, unit, draw)
            found.append(None if chosen is None else Lender(chosen, contrary))
        lenders.append(tuple(found))
    return lenders


def _sort(question: Question) -> Hashable:
    return question.kind, question.layout, question.units


def _others(question: Question, unit: Unit) -> tuple[str, ...]:
    """Keys of the media but one."""
    return tuple(key for at, key in enumerate(question.media) if at not in unit)


def _drawn(
    pool: list[int], questions: Sequence[Question], question: Question, unit: Unit, draw: random.Random, *,
    anything: bool = False,
) -> int | None:  # fmt: skip
    """One of the pool that may lend, those whose answer is among the choices first.

    Its medium is none of the question's; with `anything` it only is another one than the one that it replaces.
    """
    start = draw.randrange(len(pool))
    taken = {question.media[unit[0]]} if anything else set(question.media)
    second: int | None = None
    for step in range(len(pool)):
        other = questions[pool[(start + step) % len(pool)]]
        if other.answer == question.answer or other.media[unit[0]] in taken:
            continue
        if not question.choices or other.answer in question.choices:
            return pool[(start + step) % len(pool)]
        second = pool[(start + step) % len(pool)] if second is None else second
    return second
