"""A training in a process of its own that can be killed: `python -m macaw_cli.training.verifying.watched_run FOLDER`.

`request.json` in the folder says what to train; what cannot be done is left there in `error.json`.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from macaw_cli.basics.atomic_files import read_json, write_json
from macaw_cli.basics.errors import Interrupted, MacawError, ResourceError
from macaw_cli.basics.lifetime import end_with_parent, kill_with_descendants
from macaw_cli.basics.redaction import redacted_tree
from macaw_cli.basics.typed_command import remember_typed_command, typed_command
from macaw_cli.basics.working_files import open_own
from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.training.signals import StopRequest, exit_code

LOOK_EVERY_S = 0.005
OUTPUT_NAME = "output.txt"


@dataclass(frozen=True)
class Request:
    """A training as `macaw train` would be asked for it."""

    workspace: Workspace
    gpus: int | None
    cpu_processes: int | None
    resume: bool = False


def run_watched(request: Request, folder: Path, stop: StopRequest, until: Callable[[], bool] | None = None) -> bool:
    """Train in another process, to the end or until it is killed.

    Args:
        request: what to train.
        folder: for the order, the error and the output, which is kept in `output.txt`.
        stop: ends it when somebody asks to.
        until: looked at all the time; when true, the process and all that it started are ended by SIGKILL.

    Returns:
        Whether it was killed.

    Raises:
        MacawError: what the training raised, with its exit code.
        ResourceError: it died otherwise.
        Interrupted: somebody asked to stop.
    """
    content = {
        "root": str(request.workspace.root), "settings": asdict(request.workspace.settings),
        "gpus": request.gpus, "cpu_processes": request.cpu_processes, "resume": request.resume,
        "command": typed_command(),
    }  # fmt: skip
    write_json(folder / "request.json", redacted_tree(content))
    output = folder / OUTPUT_NAME
    with open_own(output, "ab") as out:
        command = [sys.executable, "-m", "macaw_cli.training.verifying.watched_run", str(folder)]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    try:
        while process.poll() is None:
            if until is not None and until():
                return True
            if stop.received:
                raise Interrupted(f"Stopped by {stop.received.name}.", "", exit_code(stop.received))
            time.sleep(LOOK_EVERY_S)
    finally:
        if process.poll() is None:
            kill_with_descendants(process.pid)
        process.wait()
    if process.returncode != 0:
        raise _what_happened(folder, output, process.returncode)
    return False


def _what_happened(folder: Path, output: Path, code: int) -> MacawError:
    if (folder / "error.json").exists():
        content = read_json(folder / "error.json")
        error = MacawError(content["problem"], content["hint"])
        error.exit_code = content["exit_code"]
        return error
    last = output.read_text(errors="replace").strip().splitlines()[-1:]
    return ResourceError(f"The training ended with code {code}: {' '.join(last)}", f"All it said is in {output}.")


def main(folder: Path) -> int:
    """Train as `request.json` says; returns the exit code."""
    from macaw_cli.training.run import train

    end_with_parent()
    content = read_json(folder / "request.json")
    remember_typed_command(content["command"])
    workspace = Workspace(Path(content["root"]), parse_settings(content["settings"], str(folder)))
    try:
        train(
            workspace, gpus=content["gpus"], cpu_processes=content["cpu_processes"], resume=content["resume"]
        )
    except MacawError as error:
        told = {"problem": error.problem, "hint": error.hint, "exit_code": error.exit_code}
        write_json(folder / "error.json", told)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
