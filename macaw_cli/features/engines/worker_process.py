"""One of several encoders at work on this machine: `python -m macaw_cli.features.engines.worker_process PARENT`.

Started by `worker_engine.py`. Standard input brings lines of JSON: first the work order, then a job for every `ask`.
What was standard output takes lines of JSON back: `ask`, `advance`, `result`, `error` or `lost`. No pickle.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, TextIO

from macaw_cli.basics.child_side import end_with_parent
from macaw_cli.basics.console import tell_bug
from macaw_cli.basics.errors import MacawError
from macaw_cli.basics.redaction import guard_logs
from macaw_cli.basics.system_errors import system_error
from macaw_cli.features.engines.work_order import WorkOrder
from macaw_cli.features.journal import Job
from macaw_cli.features.shard_rows import JobResult


def main() -> int:
    """Work until the parent has no more jobs; the exit code."""
    guard_logs()
    parent = Parent(sys.stdin, os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # a library that prints must not print into the answers
    _belong_to(int(sys.argv[1]))
    try:
        order = WorkOrder(**parent.receive())
        order.run(order.load(), parent.jobs(), parent.result, parent.advance)
    except MacawError as error:
        parent.send({"error": [type(error).__name__, error.problem, error.hint]})
        return 1
    except Exception as error:  # such as a CUDA error, after which no more can be done in this process
        if known := system_error(error):
            parent.send({"error": [type(known).__name__, known.problem, known.hint]})
            return 1
        tell_bug(error)
        parent.send({"lost": f"{type(error).__name__}: {error}".partition("\n")[0]})
        return 1
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # all is tidied up; a late one would only disturb the leaving
    return 0


class Parent:
    """The process that hands out the jobs."""

    def __init__(self, incoming: TextIO, outgoing: TextIO) -> None:
        self._incoming, self._outgoing = incoming, outgoing
        self._lock = threading.Lock()

    def receive(self) -> Any:
        """The next line; ends the process when the parent has closed the pipe."""
        line = self._incoming.readline()
        if not line:
            raise SystemExit(1)
        return json.loads(line)

    def send(self, message: dict[str, Any]) -> None:
        """One line, from any thread."""
        with self._lock:
            self._outgoing.write(json.dumps(message) + "\n")
            self._outgoing.flush()

    def jobs(self) -> Iterator[Job | None]:
        """Ask for one job after another; None when there is none to begin before those in work are finished."""
        idle = False
        while True:
            self.send({"ask": {"idle": idle}})
            answer = self.receive()
            if "end" in answer:
                return
            job = answer.get("job")
            idle = job is None
            yield Job.from_row(job) if job else None

    def result(self, result: JobResult) -> None:
        """A finished job."""
        self.send({"result": asdict(result)})

    def advance(self, count: int, stages: dict[str, float]) -> None:
        """Progress."""
        self.send({"advance": [count, stages]})


def _belong_to(parent: int) -> None:
    """Tidy up at its SIGTERM, and die with it even when it is killed."""
    signal.signal(signal.SIGTERM, _stop)
    end_with_parent(parent)


def _stop(number: int, _: object) -> None:
    # Where the signal comes while a library's C code calls back into Python, the exception goes no further: Python
    # would print it and the process would work on.
    sys.unraisablehook = lambda swallowed: os._exit(128 + number) if swallowed.exc_type is SystemExit else None
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
