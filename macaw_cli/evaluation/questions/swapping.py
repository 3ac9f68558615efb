"""Which other example lends its media, so that a model that ignores its media is recognised.

Source: macaw's own; the interval of reliance is a paired bootstrap (Efron and Tibshirani 1993, section 13.3).
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """What swapping needs to know of a held-out question.

    Args:
        kind: name of its kind, such as `image/colour`.
        prompt: the text that is asked.
        answer: the expected answer.
        media: content keys of its media, in order.
        layout: modality of each medium; media are only swapped for media of the same layout.
        choices: the possible answers, where the question has such a list.
        units: positions of each medium in `media`, with its soundtrack's, see `per_medium.units_of`.
    """

    kind: str
    prompt: str
    answer: str
    media: tuple[str, ...]
    layout: tuple[str, ...]
    choices: tuple[str, ...] = ()
    units: tuple[tuple[int, ...], ...] = ()


def swap_partners(questions: Sequence[Question], seed: int) -> list[int | None]:
    """For each question, the index of the example whose media it is given instead of its own.

    The partner is of the same kind and layout, its answer differs and its media are others. Where the question has
    choices, one whose answer is among them comes first: else a model that looks at the swapped media could not say
    what it sees. Then one that asks the same text comes first: only then is its answer surely the one that its media
    call for under this question.

    Args:
        questions: all held-out questions.
        seed: fixes the draw.

    Returns:
        One index per question; None where no partner exists (no media, or every answer of the kind is the same).
    """
    by_kind: dict[tuple[object, ...], list[int]] = defaultdict(list)
    by_prompt: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, question in enumerate(questions):
        by_kind[_sort(question)].append(index)
        by_prompt[*_sort(question), question.prompt].append(index)
    draw = random.Random(seed)
    partners: list[int | None] = []
    for question in questions:
        if not question.media:
            partners.append(None)
            continue
        pools = (by_prompt[*_sort(question), question.prompt], by_kind[_sort(question)])
        wanted = (True, False) if question.choices else (False,)
        tries = ((pool, among) for among in wanted for pool in pools)
        found = (_draw(pool, question, questions, draw, among_choices=among) for pool, among in tries)
        partners.append(next((other for other in found if other is not None), None))
    return partners


def _sort(question: Question) -> tuple[object, ...]:
    return question.kind, question.layout, question.units


def _draw(
    pool: list[int], question: Question, questions: Sequence[Question], draw: random.Random, *, among_choices: bool
) -> int | None:
    start = draw.randrange(len(pool))
    for step in range(len(pool)):
        other = pool[(start + step) % len(pool)]
        answer, media = questions[other].answer, questions[other].media
        if among_choices and answer not in question.choices:
            continue
        if answer != question.answer and not set(media) & set(question.media):
            return other
    return None
