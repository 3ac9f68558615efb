"""Which other example lends its media, so that a model that ignores its media is recognised.

Source: macaw's own; the interval of reliance is `intervals.difference_interval`.
"""

import random
from collections.abc import Hashable, Sequence

from macaw_cli.evaluation.questions.pools import Pools, Question


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
    pools, draw = Pools(questions, _pools_of), random.Random(seed)
    return [_partner(question, pools, draw) if question.media else None for question in questions]


def _partner(question: Question, pools: Pools, draw: random.Random) -> int | None:
    def has_others(other: Question) -> bool:
        return not set(other.media) & set(question.media)

    for among in (True, False) if question.choices else (False,):
        for pool in _pools_of(question):
            start = draw.randrange(pools.size(pool))
            found = pools.search(pool, start, question, has_others, among=among)
            if found is not None:
                return found
    return None


def _pools_of(question: Question) -> tuple[Hashable, Hashable]:
    """Those from which a partner is drawn: what asks the same words, and all of the kind."""
    return question.of_prompt, question.of_kind
