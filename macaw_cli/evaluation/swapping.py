"""Which other example lends its media, so that an answer that ignores the media can be told from one that looks."""

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
    """

    kind: str
    prompt: str
    answer: str
    media: tuple[str, ...]
    layout: tuple[str, ...]


def swap_partners(questions: Sequence[Question], seed: int) -> list[int | None]:
    """For each question, the index of the example whose media it is given instead of its own.

    The partner is of the same kind and layout, its answer differs and its media are others. One that asks the same
    text comes first: only then is its answer surely the one that its media call for under this question.

    Args:
        questions: all held-out questions.
        seed: fixes the draw.

    Returns:
        One index per question; None where no partner exists (no media, or every answer of the kind is the same).
    """
    by_kind: dict[tuple[str, tuple[str, ...]], list[int]] = defaultdict(list)
    by_prompt: dict[tuple[str, tuple[str, ...], str], list[int]] = defaultdict(list)
    for index, question in enumerate(questions):
        by_kind[question.kind, question.layout].append(index)
        by_prompt[question.kind, question.layout, question.prompt].append(index)
    draw = random.Random(seed)
    partners: list[int | None] = []
    for question in questions:
        if not question.media:
            partners.append(None)
            continue
        pools = (by_prompt[question.kind, question.layout, question.prompt], by_kind[question.kind, question.layout])
        partners.append(
            next((found for pool in pools if (found := _draw(pool, question, questions, draw)) is not None), None)
        )
    return partners


def _draw(pool: list[int], question: Question, questions: Sequence[Question], draw: random.Random) -> int | None:
    start = draw.randrange(len(pool))
    for step in range(len(pool)):
        other = pool[(start + step) % len(pool)]
        if questions[other].answer != question.answer and not set(questions[other].media) & set(question.media):
            return other
    return None
