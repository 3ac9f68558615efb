"""Ctrl-C while an answer is generated ends the answer at the next token, and not the program."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stoppable(has_begun: Callable[[], bool], *, wanted: bool = True) -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether Ctrl-C was pressed.

    While nothing has been said, and when it is pressed again, KeyboardInterrupt is raised at once: reading a long
    prompt is one call of the model, and there is nothing to keep.

    Args:
        has_begun: whether some of the answer is there.
        wanted: False leaves Ctrl-C as it is.
    """
    if not wanted or threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    pressed = False

    def press(number: int, frame: FrameType | None) -> None:
        del number, frame
        nonlocal pressed
        if pressed or not has_begun():
            raise KeyboardInterrupt
        pressed = True

    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
