"""Work beside the main thread, with bounded queues: whoever is faster waits."""

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from typing import Generic, TypeVar

T = TypeVar("T")
_STOPPED_S = 0.1


def never() -> bool:
    """Nobody wants the work to stop."""
    return False


def require_going_on(stopping: Callable[[], bool]) -> None:
    """Give up where `stopping` says so.

    Raises:
        CancelledError: it does.
    """
    if stopping():
        raise CancelledError("The work was cancelled.")


def result_of(future: Future[T], stopping: Callable[[], bool]) -> T:
    """The result of a future; waits no longer than until `stopping` says so.

    Raises:
        CancelledError: it does.
        BaseException: what the future raises.
    """
    while not future.done():
        require_going_on(stopping)
        wait([future], timeout=_STOPPED_S)
    return future.result()


_here = threading.local()


def waits_until(stopping: Callable[[], bool]) -> None:
    """Have what this thread does with `abandonable` given up once `stopping` says so."""
    _here.stopping = stopping


def abandonable(call: Callable[[], T]) -> T:
    """Call what may wait for ever, such as for a server; given up where the thread is to stop (see `waits_until`).

    Then the call is left alone in a thread of its own, with which nothing waits, not even the end of the process.

    Raises:
        CancelledError: the thread is to stop.
        BaseException: what the call raises.
    """
    stopping = getattr(_here, "stopping", None)
    if stopping is None:
        return call()
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # raised where the result is asked for
            future.set_exception(error)

    require_going_on(stopping)
    threading.Thread(target=run, name="abandonable", daemon=True).start()
    return result_of(future, stopping)


class _End(BaseException):
    """There are no more results."""


class Ahead(Generic[T]):
    """An iterator that is run in a thread of its own, at most `size` results ahead.

    A context manager: leaving it ends the thread at its next result, and waits for that.

    Args:
        results: what to run.
        size: how many results may wait.
        stopping: set on leaving, for what is long at work on one result to look at.
    """

    def __init__(self, results: Iterator[T], size: int, stopping: threading.Event | None = None) -> None:
        self._queue: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(size)
        self._stop = stopping or threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(results,), name="ahead", daemon=True)

    def __enter__(self) -> Iterator[T]:
        self._thread.start()
        return self._results()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        _wait_in_spite_of_signals(self._ended)
        self._thread.join()

    def _run(self, results: Iterator[T]) -> None:
        waits_until(self._stop.is_set)
        try:
            self._put((None, self._pass_on(results)))
        finally:
            self._ended.set()

    def _pass_on(self, results: Iterator[T]) -> BaseException:
        try:
            for result in results:
                if not self._put((result, None)):
                    break
        except BaseException as error:  # raised where the results are asked for
            return error
        return _End()

    def _put(self, entry: tuple[T | None, BaseException | None]) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(entry, timeout=_STOPPED_S)
                return True
            except queue.Full:
                continue
        return False

    def _results(self) -> Iterator[T]:
        while True:
            result, failure = self._queue.get()
            if isinstance(failure, _End):
                return
            if failure is not None:
                raise failure
            yield result  # type: ignore[misc]


def _wait_in_spite_of_signals(ended: threading.Event) -> None:
    """Wait on when Ctrl-C is pressed again, and raise that afterwards: what the thread uses must not be closed before.

    Not by `Thread.join`: interrupted, it takes a running thread for ended (Python 3.11 and 3.12).
    """
    interrupt: BaseException | None = None
    while not ended.is_set():
        try:
            ended.wait()
        except BaseException as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt


class Background:
    """Runs what it is given one after another in one thread, at most `size` tasks behind.

    A context manager: leaving it waits for all tasks, or, when leaving with an error, drops those not begun.
    """

    def __init__(self, size: int) -> None:
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue(size)
        self._failure: BaseException | None = None
        self._dropping = False
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)

    def submit(self, task: Callable[[], None]) -> None:
        """Run `task` later; waits while too many are waiting.

        Raises:
            BaseException: what an earlier task raised.
        """
        if self._failure is not None:
            raise self._failure
        self._queue.put(task)

    def __enter__(self) -> "Background":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._dropping = kind is not None
        self._queue.put(None)
        self._thread.join()
        if kind is None and self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        while (task := self._queue.get()) is not None:
            if self._failure is not None or self._dropping:
                continue  # whoever waits at a full queue must not wait for ever
            try:
                task()
            except BaseException as error:  # raised at the next `submit`, or at the end
                self._failure = error
