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
    """The limit of this process, and how many blocks ask for it now."""

    def __init__(self) -> None:
        self._lock, self._blocks = threading.Lock(), 0
        self._before = (0, 0)

    def enter(self, size: int) -> None:
        """Set it, unless another block has."""
        with self._lock:
            self._blocks += 1
            if self._blocks == 1:
                self._before = soft, hard = resource.getrlimit(resource.RLIMIT_AS)
                with open("/proc/self/statm", "rb", buffering=0) as content:  # noqa: PTH123, before every rendering
                    wanted = int(content.read(32).split()[0]) * _PAGE + size
                if soft == resource.RLIM_INFINITY or wanted < soft:
                    _set(wanted, hard)

    def leave(self) -> None:
        """Take it back, unless another block still needs it."""
        with self._lock:
            self._blocks -= 1
            if not self._blocks:
                _set(*self._before)


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
