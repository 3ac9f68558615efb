"""Requests and tokens per minute, kept below the limits that a user has set."""

from aiolimiter import AsyncLimiter

_WINDOW_S = 5.0
"""What a minute allows is spread over windows of this length, so that it is not all used at once."""


class Pace:
    """Waits until the next request is allowed.

    Args:
        requests_per_minute: None is no limit.
        tokens_per_minute: None is no limit.
    """

    def __init__(self, requests_per_minute: int | None, tokens_per_minute: int | None) -> None:
        self._requests = _limiter(requests_per_minute)
        self._tokens = _limiter(tokens_per_minute)

    async def wait(self, tokens: int) -> None:
        """Wait for one request.

        Args:
            tokens: of its prompt and, as far as can be told, of its reply.
        """
        if self._requests is not None:
            await self._requests.acquire()
        if self._tokens is not None:
            left = float(tokens)
            while left > 0:  # a request larger than a window waits for several
                part = min(left, self._tokens.max_rate)
                await self._tokens.acquire(part)
                left -= part


def _limiter(per_minute: int | None) -> AsyncLimiter | None:
    if per_minute is None:
        return None
    in_window = per_minute * _WINDOW_S / 60
    return AsyncLimiter(in_window, _WINDOW_S) if in_window >= 1 else AsyncLimiter(1, 60 / per_minute)
