"""Answers are taken in the order of their requests and become rows of the two files, conversations and rejects."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from macaw_cli.dataset.generation.answered import Answered
from macaw_cli.dataset.generation.examples import Row, SeenQuestions, conversations_of, rejected_row
from macaw_cli.dataset.generation.kind_queue import KindQueue
from macaw_cli.dataset.generation.reply import Outcome
from macaw_cli.dataset.generation.request import Request

WITHOUT_PAIRS = frozenset({
    Outcome.EMPTY, Outcome.NOT_JSON, Outcome.WRONG_SCHEMA, Outcome.REFUSED, Outcome.FAILED, Outcome.NOT_ASKED,
    Outcome.UNREADABLE,
})  # fmt: skip
SEEN = "the same question as another example of this item"
Filter = Callable[[Row], str]
"""Why a conversation is rejected, counted by what stands before a colon; empty when it is accepted."""


@dataclass(slots=True)
class Collected:
    """What the answers of one kind came to."""

    requests: int = 0
    accepted: int = 0
    outcomes: "Counter[str]" = field(default_factory=Counter)
    """Of requests."""
    rejected: "Counter[str]" = field(default_factory=Counter)
    """Reasons of pairs and conversations."""
    cost: float = 0.0
    """Of the replies used, in US dollars."""
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Collector:
    """Takes the answers of all kinds, one kind after another.

    Args:
        queues: of the kinds.
        keep: writes a conversation.
        reject: writes a rejected row.
        filters: what a conversation has to pass.
    """

    def __init__(
        self, queues: list[KindQueue], keep: Callable[[Row], None], reject: Callable[[Row], None], filters: Filter
    ) -> None:
        self._queues, self._keep, self._reject, self._filters = queues, keep, reject, filters
        self._seen = SeenQuestions()
        self.collected = {queue.kind.name: Collected() for queue in queues}

    def advance(self, *, ended: bool = False) -> None:
        """Take every answer whose turn has come.

        Args:
            ended: no request of any kind follows, so that a kind need not wait for the kinds before it.
        """
        for queue in self._queues:
            while not (queue.is_full or queue.gave_up) and queue.processed in queue.answers:
                self._take(queue, *queue.answers.pop(queue.processed))
                queue.processed += 1
            if queue.is_full or queue.gave_up:
                queue.answers.clear()
            elif not queue.is_done and not ended:
                return

    def _take(self, queue: KindQueue, request: Request, answered: Answered) -> None:
        parsed, collected = answered.parsed, self.collected[queue.kind.name]
        before = collected.accepted
        if parsed.outcome is not Outcome.NOT_ASKED:
            queue.counted()
            collected.requests += 1
        collected.outcomes[parsed.outcome] += 1
        collected.cost += answered.cost
        collected.prompt_tokens += answered.prompt_tokens
        collected.completion_tokens += answered.completion_tokens
        if not parsed.pairs and (parsed.outcome in WITHOUT_PAIRS or not parsed.rejected):
            reason = f"{parsed.outcome}: {parsed.reason}" if parsed.reason else str(parsed.outcome)
            self._reject(rejected_row(request, reason, raw=answered.raw))
        for rejected in parsed.rejected:
            collected.rejected[rejected.reason] += 1
            self._reject(rejected_row(request, rejected.reason, pair=rejected.pair))
        for side, row in conversations_of(request, parsed.pairs):
            if not queue.room(side):
                continue
            if reason := self._why_not(request, row):
                collected.rejected[reason.partition(":")[0]] += 1
                self._reject({**rejected_row(request, reason), "messages": row["messages"]})
                continue
            queue.accepted[side] += 1
            collected.accepted += 1
            self._keep(row)
        if collected.accepted > before:
            queue.fruitless = 0
        elif parsed.outcome is not Outcome.NOT_ASKED:
            queue.fruitless += 1

    def _why_not(self, request: Request, row: Row) -> str:
        """The filters come first: a question that they reject may be asked again."""
        if reason := self._filters(row):
            return reason
        return "" if self._seen.is_new(request, row["messages"]) else SEEN
