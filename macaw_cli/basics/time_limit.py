"""Work that may take only so long, and only so much memory: what is not done by then is given up."""

import ctypes
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

if sys.platform != "win32":
    import resource

AGAIN_S = 5.0
_LOOK_S = 0.1
"""How often the memory, and in other threads than the main one the time, is looked at."""
_UNIT = 1 if sys.platform == "darwin" else 1024
"""Of what the system tells about memory, in bytes."""


class TimeUp(BaseException):
    """The time is over; for whoever set the limit, never for a user. No `except Exception` in the block stops it."""


@contextmanager
def time_limit(
    seconds: float, again: float = AGAIN_S, memory: int | None = None, *, computing: bool = False
) -> Iterator[None]:
    """Raise `TimeUp` in the block after so many seconds; a single call into C code ends first.

    It is raised again as long as the block goes on: what a callback from C code raises is lost.

    In the main thread an alarm signal raises it, which costs next to nothing and wakes a sleeping block; elsewhere, and
    where the system has no such signal, a thread that watches.

    Args:
        seconds: above 0.
        again: seconds until it is raised again, above 0; the block's own clean-up should take less.
        memory: bytes by which the process may grow beyond its largest size so far; looked at every 0.1 s.
        computing: count only the seconds in which this thread computes, where the system tells: on a busy machine a
            block that computes little is not given up. Only for blocks that never wait.

    Raises:
        TimeUp: the block was still at work.
        MemoryError: the process has grown by more than `memory`.
    """
    limits = _Limits(seconds, again, memory, _clock_of_this_thread() if computing else time.monotonic)
    by_signal = threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGALRM")
    with _alarm(limits) if by_signal else _watcher(limits):
        yield


class _Limits:
    """What may be used, counted from here."""

    def __init__(self, seconds: float, again: float, memory: int | None, clock: Callable[[], float]) -> None:
        self.begins_after = seconds if memory is None else min(seconds, _LOOK_S)
        self.look_every = again if memory is None else min(again, _LOOK_S)
        self._clock, self._end, self._again = clock, clock() + seconds, again
        self._largest = None if memory is None else _largest_size() + memory
        self._quiet_until = 0.0

    def overstepped(self) -> type[BaseException] | None:
        """What to raise now, if anything."""
        now = time.monotonic()
        if now < self._quiet_until:
            return None
        over: type[BaseException] | None = None
        if self._clock() >= self._end:
            over = TimeUp
        elif self._largest is not None and _largest_size() > self._largest:
            over = MemoryError
        if over is not None:
            self._quiet_until = now + 0.9 * self._again  # an alarm may come a little early
        return over


@contextmanager
def _alarm(limits: _Limits) -> Iterator[None]:
    def look(number: int, frame: FrameType | None) -> None:
        over = limits.overstepped()
        if over is not None:
            raise over

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, limits.begins_after, limits.look_every)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _watcher(limits: _Limits) -> Iterator[None]:
    left, guard, block = threading.Event(), threading.Lock(), threading.get_ident()

    def look() -> None:
        while not left.wait(min(limits.begins_after, limits.look_every, _LOOK_S)):
            over = limits.overstepped()
            with guard:
                if over is not None and not left.is_set():
                    _raise_in(block, over)

    threading.Thread(target=look, name="time limit", daemon=True).start()
    try:
        yield
    finally:
        try:
            with guard:
                left.set()
        except BaseException:  # raised at the last moment, and not again before `again`
            left.set()
            raise
        _raise_in(block, None)


def _clock_of_this_thread() -> Callable[[], float]:
    """Seconds for which the calling thread has computed, read from any thread; else of the wall clock."""
    if not hasattr(time, "pthread_getcpuclockid"):  # macOS, Windows
        return time.monotonic
    clock = time.pthread_getcpuclockid(threading.get_ident())
    return lambda: time.clock_gettime(clock)


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Have Python raise `error` at a thread's next instruction; None takes back what was not raised yet."""
    raised = ctypes.py_object() if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)


def _largest_size() -> int:
    """The most bytes that the process has had in memory; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
