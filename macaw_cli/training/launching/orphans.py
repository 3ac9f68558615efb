"""No rank trains on when its launcher has gone."""

import os
import signal
import threading
import time

from macaw_cli.basics.child_side import end_with_parent

ORPHAN_TIME_S = 1800.0
"""How long a process may take to save after its launcher has gone."""


def end_with_launcher() -> None:
    """Have this process save and end when the one that started it dies, however that dies."""
    end_with_parent(by=signal.SIGTERM)
    threading.Thread(target=_end_as_orphan, args=(os.getppid(),), daemon=True).start()


def _end_as_orphan(launcher: int) -> None:
    """A rank that waits inside a collective cannot act on the SIGTERM that its launcher's death sends."""
    while os.getppid() == launcher:
        time.sleep(1)
    time.sleep(ORPHAN_TIME_S)
    os._exit(1)
