"""Work beside the main thread, with bounded queues: whoever is faster waits."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
_STOPPED_S = 0.1


class _End(BaseException):
    """There are no more results."""


class Ahead(Generic[T]):
    """An iterator that is run in a thread of its own, at most `size` results ahead.

    A context manager: leaving it ends the thread at its next result.
    """

    def __init__(self, results: Iterator[T], size: int) -> None:
        self._queue: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(size)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(results,), name="ahead", daemon=True)

    def __enter__(self) -> Iterator[T]:
        self._thread.start()
        return self._results()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self, results: Iterator[T]) -> None:
        failure: BaseException | None = None
        try:
            for result in results:
                if not self._put((result, None)):
                    return
        except BaseException as error:  # raised where the results are asked for
            failure = error
        self._put((None, failure or _End()))

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
