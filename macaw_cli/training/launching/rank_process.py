"""One of several training processes, as torch's launcher starts it: `python -m ...launching.rank_process FOLDER`.

It leaves by `os._exit` once everything is written: threads of gloo that outlive the interpreter crash it now and then.
"""

import os
import sys
from pathlib import Path

from macaw_cli.basics import distributed
from macaw_cli.basics.atomic_files import read_json
from macaw_cli.basics.command_line import remember_typed_command
from macaw_cli.basics.console import tell_bug
from macaw_cli.basics.errors import Interrupted, MacawError
from macaw_cli.basics.redaction import guard_logs
from macaw_cli.basics.system_errors import system_error
from macaw_cli.training.launching.lost_peers import detail_of, of_peer
from macaw_cli.training.launching.orphans import end_with_launcher
from macaw_cli.training.launching.outcome import leave_error, leave_report, leave_silence


def main(folder: Path) -> int:
    """Train as one rank; what happened is left in `folder` for the launcher. Returns the exit code."""
    guard_logs()
    from macaw_cli.training.job import job_from_json
    from macaw_cli.training.session import train_in_this_process

    end_with_launcher()
    try:
        job = job_from_json(read_json(folder / "job.json"), "job.json")
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
    about = of_peer(error)
    if about == "silent":
        leave_silence(folder, distributed.rank(), detail_of(error))
    elif about is None:
        tell_bug(error)


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
