"""Which process of how many this is, read from the launcher's environment; works before torch is imported."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def rank() -> int:
    """This process's number, 0 without a launcher."""
    return int(os.environ.get("RANK", "0"))


def world_size() -> int:
    """How many processes train together, 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """True in the one process that prints and writes."""
    return rank() == 0


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """Where several processes train together, leave the block for good, without the interpreter's way out.

    Threads of gloo that outlive the interpreter crash it now and then; whatever has an exit code has done its work.
    """
    try:
        yield
    except SystemExit as end:
        if os.environ.get("WORLD_SIZE", "1") == "1":
            raise
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else int(bool(end.code)))
