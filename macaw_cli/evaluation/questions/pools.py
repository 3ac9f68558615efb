"""Questions in pools from which an example that lends media is drawn, searched without looking at all of a pool."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

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
        units: positions of each medium in `media`, with its soundtrack's, see `media_units.units_of`.
    """

    kind: str
    prompt: str
    answer: str
    media: tuple[str, ...]
    layout: tuple[str, ...]
    choices: tuple[str, ...] = ()
    units: tuple[tuple[int, ...], ...] = ()

    @property
    def of_kind(self) -> Hashable:
        """The pool of all of its kind whose media are laid out alike."""
        return "kind", self.kind, self.layout, self.units

    @property
    def of_prompt(self) -> Hashable:
        """The pool of those of its kind that ask the same words."""
        return "prompt", self.kind, self.layout, self.units, self.prompt


class Pools:
    """Numbers of questions by the names of their pools.

    Args:
        questions: all that may lend.
        pools_of: the pools that a question is in.
    """

    def __init__(self, questions: Sequence[Question], pools_of: Callable[[Question], Sequence[Hashable]]) -> None:
        self._questions = questions
        self._pools: dict[Hashable, list[int]] = defaultdict(list)
        self._answered: dict[tuple[Hashable, str], list[int]] = defaultdict(list)
        for index, question in enumerate(questions):
            for pool in pools_of(question):
                self._pools[pool].append(index)
                self._answered[pool, question.answer].append(index)

    def size(self, pool: Hashable) -> int:
        """How many are in it."""
        return len(self._pools[pool])

    def search(
        self, pool: Hashable, start: int, question: Question, may_lend: Callable[[Question], bool], *, among: bool
    ) -> int | None:
        """The first question of a pool that may lend and has another answer; None where there is none.

        Args:
            pool: that the question is in.
            start: the place in the pool from which it is searched, and then from its beginning.
            question: that needs an example.
            may_lend: whether another one may.
            among: whether its answer must be among the question's choices.
        """
        members = self._pools[pool]
        if len(self._answered.get((pool, question.answer), ())) == len(members):
            return None
        others = self._among_choices(pool, start, question) if among else _from(members, start)
        return next(
            (at for at in others
             if self._questions[at].answer != question.answer and may_lend(self._questions[at])), None
        )  # fmt: skip

    def _among_choices(self, pool: Hashable, start: int, question: Question) -> Iterator[int]:
        """Those whose answer is among the question's choices, from a place of the pool on.

        Where they are few, they are listed instead of searched: with choices of its own for every question, each would
        search the whole pool.
        """
        members = self._pools[pool]
        wanted = [choice for choice in dict.fromkeys(question.choices) if choice != question.answer]
        lists = [self._answered.get((pool, choice), ()) for choice in wanted]
        if sum(map(len, lists)) > FEW * len(members):
            return (at for at in _from(members, start) if self._questions[at].answer in question.choices)
        listed = sorted(index for one in lists for index in one)
        return _from(listed, bisect_left(listed, members[start]))


def _from(numbers: Sequence[int], start: int) -> Iterator[int]:
    """The numbers from a place on, and then from their beginning."""
    return (numbers[(start + step) % len(numbers)] for step in range(len(numbers)))
