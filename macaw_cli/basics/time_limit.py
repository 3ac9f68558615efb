"""Work that may take only so long: what is not done by then is given up."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN_S = 5.0


class TimeUp(BaseException):
    """The time is over; for whoever set the limit, never for a user. No `except Exception` in the block stops it."""


@contextmanager
def time_limit(seconds: float, again: float = AGAIN_S) -> Iterator[None]:
    """Raise `TimeUp` in the block after so many seconds; a single call into C code ends first.

    It is raised again as long as the block goes on: what a callback from C code raises is lost.

    Without effect outside the main thread and where the system has no alarm signal.

    Args:
        seconds: above 0.
        again: seconds until it is raised again, above 0; the block's own clean-up should take less.

    Raises:
        TimeUp: the block was still at work.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, _raise)
    signal.setitimer(signal.ITIMER_REAL, seconds, again)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _raise(number: int, frame: FrameType | None) -> None:
    raise TimeUp
