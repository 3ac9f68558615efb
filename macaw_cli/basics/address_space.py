"""A bound on what the process may allocate for a while: one operation that asks for too much fails at once.

`time_limit` looks at the memory now and then, which a text that doubles itself outruns.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

if sys.platform == "linux":
    import resource

    _PAGE = resource.getpagesize()


class _Limit:
    """The limit of this process, and which threads are in a block that asks for it."""

    def __init__(self) -> None:
        self._lock, self._threads = threading.Lock(), set[int]()
        self._before = (0, 0)

    def enter(self, size: int) -> None:
        """Set it, unless another thread has."""
        with self._lock:
            inside = self._threads & _alive() - {threading.get_ident()}
            if self._threads and not inside:  # a block was torn down between two of its own lines
                _set(*self._before)
            self._threads = inside
            if not inside:
                self._before = soft, hard = resource.getrlimit(resource.RLIMIT_AS)
                with open("/proc/self/statm", "rb", buffering=0) as content:  # noqa: PTH123, before every rendering
                    wanted = int(content.read(32).split()[0]) * _PAGE + size
                if soft == resource.RLIM_INFINITY or wanted < soft:
                    _set(wanted, hard)
            self._threads.add(threading.get_ident())

    def leave(self) -> None:
        """Take it back, unless another thread still needs it."""
        with self._lock:
            self._threads.discard(threading.get_ident())
            if not self._threads:
                _set(*self._before)


def _alive() -> set[int]:
    """The threads of this process."""
    return {thread.ident or 0 for thread in threading.enumerate()}


def _set(soft: int, hard: int) -> None:
    with suppress(ValueError, OSError):  # the system's own limit is lower
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


_LIMIT = _Limit()


@contextmanager
def growth_limited(size: int) -> Iterator[None]:
    """Let allocations fail beyond so many bytes more than the process has mapped now; on Linux only.

    The limit is one of the whole process: of several threads that are inside the first one sets it, and the last one
    takes it back.

    Args:
        size: bytes.

    Raises:
        MemoryError: from whatever asks for more.
    """
    if sys.platform != "linux":
        yield
        return
    _LIMIT.enter(size)
    try:
        yield
    finally:
        _LIMIT.leave()
