"""SIGINT and SIGTERM while training: say so, finish the step, save, leave with the exit code that the shell expects."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from macaw_cli.basics.console import say

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether somebody asked this process to stop, and by which signal."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None

    def note(self, number: int, frame: FrameType | None) -> None:
        """Signal handler: remember the first one; a second SIGINT stops at once, without saving."""
        if self.received is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = self.received or signal.Signals(number)

    def adopt(self, number: int) -> None:
        """Stop because another rank received signal `number`."""
        self.received = self.received or signal.Signals(number)


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Note SIGINT and SIGTERM instead of dying of them, for the duration of the block."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request  # Python lets only the main thread set handlers
        return
    with _told_at_once():
        before = {number: signal.signal(number, request.note) for number in STOP_SIGNALS}
        try:
            yield request
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _told_at_once() -> Iterator[None]:
    """Have a thread say that the training stops: Python's own handlers wait for what torch computes to return."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    thread = threading.Thread(target=_tell, args=(reader,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writer.close()
        thread.join()
        reader.close()


def _tell(arrived: socket.socket) -> None:
    told = False
    while numbers := arrived.recv(64):
        if not told and set(numbers) & set(STOP_SIGNALS):
            told = True
            say("Stopping after this step, with a checkpoint. Ctrl-C again stops at once, without one.")


def exit_code(number: int) -> int:
    """130 for SIGINT, 143 for SIGTERM."""
    return 128 + int(number)
