"""Which other example lends its media, so that a model that ignores its media is recognised.

Source: macaw's own; the interval of reliance is a paired bootstrap (Efron and Tibshirani 1993, section 13.3).
"""

import random
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

FEW = 0.05
"""Share of a pool that is listed sooner than searched."""


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
    pools: dict[tuple[object, ...], list[int]] = defaultdict(list)
    answered: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, question in enumerate(questions):
        for key in _keys(question):
            pools[key].append(index)
            answered[*key, question.answer].append(index)
    draw = random.Random(seed)
    partners: list[int | None] = []
    for question in questions:
        if not question.media:
            partners.append(None)
            continue
        wanted = (True, False) if question.choices else (False,)
        found: int | None = None
        for among, key in ((among, key) for among in wanted for key in _keys(question)):
            pool = pools[key]
            start = draw.randrange(len(pool))
            others = _from(pool, start)
            if among:
                others = _among_choices(pool, start, question, questions, partial(_of_answer, answered, key))
            found = next((other for other in others if _may_lend(questions[other], question)), None)
            if found is not None:
                break
        partners.append(found)
    return partners


def _keys(question: Question) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """The pools from which a partner is drawn: those that ask the same words, and all of the kind."""
    kind = (question.kind, question.layout, question.units)
    return ("prompt", *kind, question.prompt), ("kind", *kind)


def _from(pool: Sequence[int], start: int) -> Iterator[int]:
    """The pool from a place on, and then from its beginning."""
    return (pool[(start + step) % len(pool)] for step in range(len(pool)))


def _among_choices(
    pool: Sequence[int], start: int, question: Question, questions: Sequence[Question],
    answered: Callable[[str], Sequence[int]],
) -> Iterator[int]:  # fmt: skip
    """Those of the pool whose answer is among the question's choices, from a place on.

    Where they are few, they are listed instead of searched: with choices of its own for every question, each would
    search the whole pool.

    Args:
        pool: indices, ascending.
        start: a place in the pool.
        question: that needs a partner.
        questions: all of them.
        answered: the indices of the pool with an answer, ascending.
    """
    lists = [answered(choice) for choice in dict.fromkeys(question.choices) if choice != question.answer]
    if sum(map(len, lists)) > FEW * len(pool):
        return (other for other in _from(pool, start) if questions[other].answer in question.choices)
    listed = sorted(index for one in lists for index in one)
    return _from(listed, bisect_left(listed, pool[start]))


def _of_answer(
    answered: Mapping[tuple[object, ...], list[int]], key: tuple[object, ...], answer: str
) -> Sequence[int]:
    return answered.get((*key, answer), ())


def _may_lend(other: Question, question: Question) -> bool:
    return other.answer != question.answer and not set(other.media) & set(question.media)
