"""Which files anybody opens, told by the kernel: code in C is seen as well."""

import ctypes
import os
import select
from contextlib import contextmanager

_IN_OPEN = 0x20


@contextmanager
def opened(paths):
    """Yield a function that says how many times one of `paths` has been opened since."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    assert watch >= 0
    try:
        for path in paths:
            assert libc.inotify_add_watch(watch, os.fsencode(path), _IN_OPEN) >= 0

        def count():
            ready, _, _ = select.select([watch], [], [], 0)
            return len(os.read(watch, 1 << 16)) // 16 if ready else 0

        yield count
    finally:
        os.close(watch)
