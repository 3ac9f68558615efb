"""What the progress display says during a generation: rates, money, and what the API does."""

import time
from collections.abc import Sequence

from macaw_cli.dataset.generation.asking import Asker
from macaw_cli.dataset.generation.budget import Budget
from macaw_cli.dataset.generation.kind_queue import KindQueue


class Status:
    """A few words, made anew each time they are shown."""

    def __init__(self, asker: Asker, budget: Budget, queues: Sequence[KindQueue]) -> None:
        self._asker, self._budget, self._queues = asker, budget, queues
        self._started = time.monotonic()

    def text(self) -> str:
        """Requests and tokens per second, accepted examples, US dollars spent and projected, trouble."""
        traffic = self._asker.traffic
        seconds = max(time.monotonic() - self._started, 1e-6)
        parts = [
            f"{traffic.replies / seconds:.1f} requests/s",
            f"{traffic.tokens / seconds:,.0f} tokens/s",
            f"{sum(sum(queue.accepted.values()) for queue in self._queues):,} accepted",
            f"${self._budget.spent:.4f} spent, about ${self._projected():.4f} in the end",
        ]
        if traffic.throttled:
            parts.append(f"{traffic.throttled:,} x 429, {int(self._asker.sender.limit.limit)} at a time")
        if traffic.retried:
            parts.append(f"{traffic.retried:,} sent again")
        return "  ".join(parts)

    def _projected(self) -> float:
        """What is spent, and what is left at the mean cost of a reply so far."""
        replies = self._asker.traffic.replies
        if not replies:
            return self._budget.spent
        left = sum(requests_left(queue) for queue in self._queues)
        projected = self._budget.spent + left * self._asker.mean_cost
        return min(projected, self._budget.max_cost) if self._budget.max_cost is not None else projected


def requests_left(queue: KindQueue) -> float:
    """Requests of a kind that are expected to be still needed."""
    if queue.is_full:
        return 0.0
    if queue.quota is None:
        return float(queue.total - queue.processed)
    needed = max(queue.missing(side) / queue.examples_of_one(side) for side in queue.kind.sides)
    return min(needed, float(queue.total - queue.processed))
