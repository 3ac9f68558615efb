"""SIGINT, SIGTERM and SIGHUP inside an event loop: an orderly end instead of a dropped reply that was paid for."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from macaw_cli.basics.errors import Interrupted


@contextmanager
def stop_signals(stop: Callable[[int], None]) -> Iterator[None]:
    """Call `stop` with the number of each signal that comes while the block runs; use it inside the event loop."""
    loop = asyncio.get_running_loop()
    caught: list[signal.Signals] = []
    with suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread, or not on this platform
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop, number)
            caught.append(number)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)


def interrupted_by(number: int) -> Interrupted:
    """The end of a run that a signal stopped."""
    hint = "Run the same command again: it continues, and no reply is paid for twice."
    return Interrupted(f"Stopped by {signal.Signals(number).name}.", hint, exit_code=128 + number)
