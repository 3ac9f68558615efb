"""What may still be sent: money and requests, those under way counted in."""

from dataclasses import dataclass


@dataclass(slots=True)
class Budget:
    """Counts what is spent; all amounts in US dollars."""

    max_cost: float | None
    max_requests: int | None
    spent: float
    """By replies, those of earlier runs included, and at most by requests that earlier runs sent without a reply."""
    reserved: float = 0.0
    """What the requests under way are expected to cost."""
    sent: int = 0
    """Requests of this run."""
    under_way: int = 0
    """Requests that are not over."""

    @property
    def may_change(self) -> bool:
        """Whether requests under way can leave room for another one: when they cost less than expected."""
        return self.under_way > 0 and (self.max_requests is None or self.sent < self.max_requests)

    def why_not(self, expected: float) -> str:
        """Why another request must not be sent; empty when it may.

        Args:
            expected: what it is expected to cost.
        """
        if self.max_requests is not None and self.sent >= self.max_requests:
            return f"the limit of {self.max_requests} requests (--max-requests) is reached"
        if self.max_cost is not None and self.spent + self.reserved + expected > self.max_cost:
            return f"the limit of ${self.max_cost:g} (--max-cost) is reached"
        return ""

    def reserve(self, expected: float) -> None:
        """A request is sent."""
        self.sent += 1
        self.under_way += 1
        self.reserved += expected

    def lose(self, bound: float) -> None:
        """A request was sent once and may be charged without a reply, at most so much."""
        self.spent += bound

    def settle(self, expected: float, cost: float) -> None:
        """It is over: what it was expected to cost, and what it did."""
        self.under_way -= 1
        self.reserved = max(0.0, self.reserved - expected)
        self.spent += cost
