"""One of several training processes, as torch's launcher starts it: `python -m ...launching.rank_process FOLDER`.

It leaves by `os._exit` once everything is written: threads of gloo that outlive the interpreter crash it now and then.
"""

import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

from macaw_cli.basics import distributed
from macaw_cli.basics.console import tell_bug
from macaw_cli.basics.errors import Interrupted, MacawError
from macaw_cli.basics.lifetime import end_with_parent
from macaw_cli.basics.redaction import guard_logs
from macaw_cli.basics.system_errors import system_error
from macaw_cli.basics.typed_command import remember_typed_command
from macaw_cli.training.launching.outcome import leave_error, leave_report, leave_silence

PEER_LOST = re.compile(
    "closed by (remote )?peer|reset by peer|broken pipe|connection was likely closed|ncclRemoteError", re.IGNORECASE
)
"""How gloo, NCCL and torch's store say that another process has gone; any other error of theirs is one of its own."""
PEER_SILENT = re.compile(
    "timed out waiting|gloo/transport.*(timed out|timeout)|wait timeout after|collective operation timeout",
    re.IGNORECASE,
)
"""How they say that it does not answer."""
ORPHAN_TIME_S = 1800.0
"""How long a process may take to save after its launcher has gone."""


def main(folder: Path) -> int:
    """Train as one rank; what happened is left in `folder` for the launcher. Returns the exit code."""
    guard_logs()
    from macaw_cli.training.job import read_job
    from macaw_cli.training.session import train_in_this_process

    end_with_parent(by=signal.SIGTERM)  # its launcher; no rank trains on as an orphan
    threading.Thread(target=_end_as_orphan, args=(os.getppid(),), daemon=True).start()
    try:
        job = read_job(folder / "job.json")
        remember_typed_command(job.command)
        report = train_in_this_process(job)
    except Interrupted as stop:
        leave_error(folder, distributed.rank(), stop)
        return 0  # saved, on every rank at the same step: nothing for the launcher to clean up
    except MacawError as error:
        if os.environ.get("MACAW_DEBUG") == "1":
            tell_bug(error)
        leave_error(folder, distributed.rank(), error)
        return error.exit_code
    except RuntimeError as error:
        _tell_of_peers(folder, error)
        return 1
    except Exception as error:
        return _tell_of_trouble(folder, error)
    if distributed.is_main():
        leave_report(folder, report)
    return 0


def _tell_of_trouble(folder: Path, error: Exception) -> int:
    """The machine's own (a full disk) in one message, as the launcher tells it; anything else is a bug."""
    known = system_error(error)
    if known:
        leave_error(folder, distributed.rank(), known)
    else:
        tell_bug(error)
    return 1


def _tell_of_peers(folder: Path, error: RuntimeError) -> None:
    """A lost peer needs no traceback: the launcher knows which one and how; a silent one is told by those who wait."""
    text = str(error)
    if PEER_SILENT.search(text):
        detail = text.splitlines()[0].rpartition("] ")[2]  # after the place in gloo's source
        leave_silence(folder, distributed.rank(), detail)
    elif not PEER_LOST.search(text):
        tell_bug(error)


def _end_as_orphan(launcher: int) -> None:
    """A rank that waits inside a collective cannot act on the SIGTERM that its launcher's death sends."""
    while os.getppid() == launcher:
        time.sleep(1)
    time.sleep(ORPHAN_TIME_S)
    os._exit(1)


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
