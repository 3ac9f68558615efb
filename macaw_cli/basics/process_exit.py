"""The end of the process, where Python's own way out takes too long or may crash."""

import atexit
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from macaw_cli.basics.distributed import world_size

AFTER_A_SIGNAL = (130, 143)


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """End the process with the exit code of the block, without taking the interpreter apart, in two cases.

    Where several processes train together, threads of gloo that outlive the interpreter crash it now and then;
    whatever has an exit code has done its work. After SIGINT or SIGTERM somebody waits, and taking torch apart can
    take seconds; what is registered to run at the end still runs, and threads that Python waits for are waited for.
    """
    try:
        yield
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
        if world_size() == 1:
            if code not in AFTER_A_SIGNAL or _threads_are_at_work():
                raise
            atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # closed, or its reader has gone
                stream.flush()
        os._exit(code)


def _threads_are_at_work() -> bool:
    return any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread())
