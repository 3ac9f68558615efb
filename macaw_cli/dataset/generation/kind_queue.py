"""The requests of one kind in a fixed order, and how far they are answered: what makes a quota exact and repeatable.

Requests are numbered: all items in the order of their draw, then all items again for further examples. Replies come in
any order, but count in the order of the numbers. So which examples a dataset has depends on the replies alone, not on
who was faster.
"""

from collections import Counter
from dataclasses import dataclass, field

from macaw_cli.dataset.generation.answered import Answered
from macaw_cli.dataset.generation.kinds.kind import ExampleKind
from macaw_cli.dataset.generation.request import Request

MOST_ROUNDS = 5
"""How often one item is asked for more examples of a kind before a quota is given up."""
FRUITLESS = 50
"""Answered requests in a row without an accepted example after which a quota is given up."""


@dataclass(slots=True)
class KindQueue:
    """Requests of one kind.

    Attributes:
        kind: of the examples.
        pairs: asked for in one request.
        quota: accepted examples that are wanted; None is one request for each item.
        items: number of items.
    """

    kind: ExampleKind
    pairs: int
    quota: int | None
    items: int
    issued: int = 0
    """Requests that were begun."""
    processed: int = 0
    """Requests whose examples are counted, in order."""
    accepted: "Counter[str]" = field(default_factory=Counter)
    """Accepted examples on each side of the kind."""
    answers: dict[int, tuple[Request, Answered]] = field(default_factory=dict)
    """Requests with their answers that wait for an earlier one."""
    fruitless: int = 0
    """Answered requests in a row without an accepted example."""
    missed_in_a_row: int = 0
    """Requests without a reply, where only those of batches are used."""
    has_ended: bool = False
    """No further request is begun."""
    _counted: int = 0
    """Processed requests that were answered."""

    @property
    def total(self) -> int:
        """Requests that there are."""
        return self.items * (1 if self.quota is None else MOST_ROUNDS)

    def room(self, side: str) -> bool:
        """Whether another example of a side is wanted."""
        return self.quota is None or self.accepted[side] < self.share(side)

    def share(self, side: str) -> int:
        """Examples of one side that are wanted, where there is a quota."""
        sides = len(self.kind.sides)
        return (self.quota or 0) // sides + (self.kind.sides.index(side) < (self.quota or 0) % sides)

    def missing(self, side: str) -> int:
        """Examples of a side that are still wanted, where there is a quota."""
        return max(0, self.share(side) - self.accepted[side])

    @property
    def is_full(self) -> bool:
        """Whether all examples that are wanted are there."""
        return self.quota is not None and not any(self.room(side) for side in self.kind.sides)

    @property
    def gave_up(self) -> bool:
        """Whether so many requests in a row gave no example that a quota is given up."""
        return self.quota is not None and self.fruitless >= FRUITLESS

    @property
    def is_done(self) -> bool:
        """Whether no request can change the examples any more."""
        return self.is_full or self.gave_up or self.processed == self.total

    def wants_request(self) -> bool:
        """Whether another request should be begun, given what those under way are expected to bring."""
        if self.issued >= self.total or self.is_full or self.gave_up or self.has_ended:
            return False
        if self.quota is None:
            return True
        pending = self.issued - self.processed
        return any(
            pending * self.examples_of_one(side) < self.missing(side) for side in self.kind.sides
        )

    def counted(self) -> None:
        """The next request is processed, and it was answered."""
        self._counted += 1

    def examples_of_one(self, side: str) -> float:
        """Expected accepted examples of a side in one request; early on, as many as were asked for."""
        asked = (1 if self.kind.multi_turn else self.pairs) / len(self.kind.sides)
        return (self.accepted[side] + asked) / (self._counted + 1)
