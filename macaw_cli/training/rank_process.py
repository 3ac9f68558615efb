"""One of several training processes, as torch's launcher starts it: `python -m macaw_cli.training.rank_process FOLDER`.

It leaves by `os._exit` once everything is written: threads of gloo that outlive the interpreter crash it now and then.
"""

import os
import signal
import sys
import traceback
from dataclasses import asdict
from pathlib import Path

from macaw_cli.basics import distributed
from macaw_cli.basics.atomic_files import write_json
from macaw_cli.basics.errors import Interrupted, MacawError
from macaw_cli.basics.lifetime import end_with_parent

PEER_LOST = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "NCCL", "gloo")


def main(folder: Path) -> int:
    """Train as one rank; what happened is left in `folder` for the launcher. Returns the exit code."""
    from macaw_cli.training.job import read_job
    from macaw_cli.training.session import train_in_this_process

    end_with_parent(by=signal.SIGTERM)  # its launcher; no rank trains on as an orphan
    try:
        report = train_in_this_process(read_job(folder / "job.json"))
    except Interrupted as stop:
        _leave_error(folder, stop)
        return 0  # saved, on every rank at the same step: nothing for the launcher to clean up
    except MacawError as error:
        if os.environ.get("MACAW_DEBUG") == "1":
            traceback.print_exc()
        _leave_error(folder, error)
        return error.exit_code
    except RuntimeError as error:
        if any(words in str(error) for words in PEER_LOST):
            return 1  # another rank is gone, and the launcher knows which and how
        traceback.print_exc()
        return 1
    except Exception:
        traceback.print_exc()
        return 1
    if distributed.is_main():
        write_json(folder / "report.json", asdict(report))
    return 0


def _leave_error(folder: Path, error: MacawError) -> None:
    content = {"problem": error.problem, "hint": error.hint, "exit_code": error.exit_code}
    write_json(folder / f"error-{distributed.rank()}.json", content)


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
