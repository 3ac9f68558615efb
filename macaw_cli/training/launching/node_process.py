"""One machine's part in a training, as ssh starts it: `python -m ...launching.node_process FOLDER`.

Standard input brings the order (one line of JSON), then names of signals, one per line. Its end means that the
command which started the training, or the connection to it, is gone: the ranks are told to save and to end.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TextIO

from macaw_cli.basics.lifetime import kill_with_descendants
from macaw_cli.training.launching.outcome import leave_death
from macaw_cli.training.launching.torch_launcher import Node, run_ranks


def main(folder: Path) -> int:
    """Run this machine's ranks; how they ended is left in `folder`. Returns the exit code."""
    order = json.loads(sys.stdin.readline())
    os.environ.update(order["environment"])
    node = Node(**order["node"])
    threading.Thread(target=follow_orders, args=(sys.stdin,), daemon=True).start()
    death = run_ranks(folder, node)
    if death is None:
        return 0
    leave_death(folder, node.number, death)
    return 1


def follow_orders(lines: TextIO) -> None:
    """Send this process each signal that is named; SIGTERM when nobody is left to name one."""
    for line in lines:
        number = signal.Signals[line.strip()]
        if number == signal.SIGKILL:  # a rank that waits inside a collective would never act on a SIGTERM
            kill_with_descendants(os.getpid())
        os.kill(os.getpid(), number)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
