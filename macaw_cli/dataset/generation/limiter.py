"""How many requests may be under way: fewer when the API answers 429, soon more again when it does not.

The limit is multiplied by `DECREASE` at a 429, once for all requests that were under way when it came. It then grows by
one with each reply up to the last limit that worked, and beyond that by one for as many replies as the limit.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

DECREASE = 0.75
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0
"""After a 429 without Retry-After; doubled with each that follows before a reply comes."""
_ALMOST = 0.9
"""Share of a limit that was too high to which the limit returns quickly."""


class AdaptiveLimit:
    """A limit of requests under way; for one event loop.

    Args:
        most: the highest limit.
        clock: seconds; replaced in tests.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self.limit = float(most)
        """How many requests may be under way."""
        self.under_way = 0
        self._quick_to = float(most)
        self._replied_since = False
        self._pause_s = _FIRST_PAUSE_S
        self._lowered_at = float("-inf")
        self._resume_at = float("-inf")
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self) -> float:
        """Wait for a place; returns when it was given, which `too_many` wants to know."""
        if self._waiting or not self._is_free():
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            self._let_in()
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self.leave()
                raise
        else:
            self.under_way += 1
        return self._clock()

    def leave(self) -> None:
        """Give the place back."""
        self.under_way -= 1
        self._let_in()

    def replied(self) -> None:
        """A reply has come."""
        self._replied_since, self._pause_s = True, _FIRST_PAUSE_S
        if self.limit < self._most:
            step = 1.0 if self.limit < self._quick_to else 1.0 / self.limit
            self.limit = min(self.limit + step, float(self._most))
            self._let_in()

    def too_many(self, entered_at: float, wait_s: float = 0.0) -> None:
        """The API answered 429.

        Args:
            entered_at: when the request got its place.
            wait_s: the API's Retry-After; nothing is sent before it is over.
        """
        now = self._clock()
        if entered_at <= self._lowered_at:
            self._resume_at = max(self._resume_at, now + wait_s)
            return
        self._resume_at = max(self._resume_at, now + (wait_s or self._pause_s))
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        if self._replied_since:  # the limit was in use, and too high
            self._quick_to = max(1.0, self.limit * _ALMOST)
        self.limit = max(1.0, self.limit * DECREASE)
        self._lowered_at, self._replied_since = now, False

    def _is_free(self) -> bool:
        return self.under_way < int(self.limit) and self._clock() >= self._resume_at

    def _let_in(self) -> None:
        while self._waiting and self._is_free():
            place = self._waiting.popleft()
            if not place.done():
                self.under_way += 1
                place.set_result(None)
        left = self._resume_at - self._clock()
        if self._waiting and left > 0 and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(left, self._resume)

    def _resume(self) -> None:
        self._timer = None
        self._let_in()
