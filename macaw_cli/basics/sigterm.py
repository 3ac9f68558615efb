"""SIGTERM as orderly as Ctrl-C: the work is left as by any error, so that everything started is ended."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from macaw_cli.basics.errors import Interrupted


@contextmanager
def sigterm_is_raised() -> Iterator[None]:
    """Have SIGTERM raise `Interrupted` (exit code 143) in the block; only in the main thread, as Python allows.

    Raises:
        Interrupted: SIGTERM arrived.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _raise(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one must not disturb the tidying up
    raise Interrupted("Stopped by SIGTERM.", "Run the same command again: it continues.", exit_code=128 + number)
