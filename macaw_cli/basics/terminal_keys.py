"""Keys that are pressed while something is drawn: they are kept for the next prompt and not shown in between."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

try:
    import termios
except ImportError:  # Windows, where no key is shown before somebody reads it
    termios = None  # type: ignore[assignment]


@contextmanager
def keys_unseen() -> Iterator[None]:
    """Let the terminal at standard input show no keys: their echo would move what is being drawn."""
    if termios is None or not sys.stdin.isatty():
        yield
        return
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    quiet = [*before]
    quiet[3] &= ~termios.ECHO  # the local modes; Ctrl-C goes on to be a signal
    termios.tcsetattr(number, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(number, termios.TCSANOW, before)
