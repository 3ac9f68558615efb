"""What every machine of a hostfile must have, asked before a run folder is made.

Run as a module on each of them: `python -m ...launching.host_checks FOLDER NUMBER DEVICE [TRACKER ...]`.
"""

import importlib.metadata
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from macaw_cli import __version__
from macaw_cli.basics.atomic_files import write_text
from macaw_cli.basics.errors import MacawError, MismatchError, MissingDependencyError, ResourceError
from macaw_cli.training.launching.hosts import Host
from macaw_cli.training.launching.ssh import explain, ssh_command
from macaw_cli.training.processes import Processes
from macaw_cli.training.reporting.trackers import missing_trackers

MODULE = "macaw_cli.training.launching.host_checks"
WORD = "written where macaw train was typed\n"
CHECK_TIME_S = 120


def require_usable_hosts(processes: Processes, root: Path, runs: Path, trackers: Sequence[str] = ()) -> None:
    """Ask all hosts at once whether they can take part.

    Args:
        processes: with their hosts; without any there is nothing to ask.
        root: the workspace's folder.
        runs: where runs are kept; all hosts must see and write the same folder there.
        trackers: services whose packages the first host needs: its first process sends the figures.

    Raises:
        MacawError: the first host, in the order of the file, that cannot; with the reason.
    """
    if not processes.hosts:
        return
    runs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".launch-", dir=runs) as name, ThreadPoolExecutor(32) as pool:
        folder = Path(name)
        write_text(folder / "word", WORD)
        asked = [
            pool.submit(_ask, host, root, folder, number, processes.device, () if number else trackers)
            for number, host in enumerate(processes.hosts)
        ]
        for problem in [one.result() for one in asked]:
            if problem is not None:
                raise problem


def _ask(
    host: Host, root: Path, folder: Path, number: int, device: str, trackers: Sequence[str]
) -> MacawError | None:
    command = ssh_command(host.name, root, MODULE, str(folder), str(number), device, *trackers)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=CHECK_TIME_S, check=False
        )
    except subprocess.TimeoutExpired:
        return ResourceError(f"{host.name} does not answer within {CHECK_TIME_S} s.", "Look what it is busy with.")
    if done.returncode != 0:
        return explain(host.name, root, done.returncode, done.stderr)
    answer = _answer_in(done.stdout)
    if answer is None:
        last = next((line for line in reversed(done.stdout.splitlines()) if line.strip()), "nothing")
        problem = f"{host.name} ran the check, but its answer did not arrive; it said: {last}"
        return ResourceError(problem, f"Look what `ssh {host.name} true` prints, and what its login shell does.")
    return _judge(host, folder, number, answer, device)


def _answer_in(text: str) -> dict[str, Any] | None:
    """The last line that is one: a login shell may print before and after it."""
    for line in reversed(text.splitlines()):
        try:
            content = json.loads(line)
        except ValueError:
            continue
        if isinstance(content, dict) and "versions" in content:
            return content
    return None


def _judge(host: Host, folder: Path, number: int, answer: dict[str, Any], device: str) -> MacawError | None:
    here = versions()
    if answer["versions"] != here:
        shown = ", ".join(f"{name} {answer['versions'].get(name)} there, {here[name]} here" for name in here
                          if answer["versions"].get(name) != here[name])  # fmt: skip
        return MismatchError(f"{host.name} has other versions: {shown}.", "Install the same on all machines.")
    if not answer["seen"] or not (folder / f"answer-{number}").is_file():
        return ResourceError(
            f"{host.name} has a folder {folder.parent}, but not the same one as this machine: the workspace must be on "
            "a file system that all machines share.",
            "Mount it there, or set training.runs to a shared folder.",
        )
    for name in answer["missing"]:
        return MissingDependencyError(
            f"{host.name} has no {name}, which training.trackers asks for.",
            f"Install it there (pip install 'macaw-cli[{name}]'), or take it out of training.trackers.",
        )
    if device == "cuda" and answer["gpus"] < host.processes:
        problem = f"{host.name} has {answer['gpus']} GPUs, fewer than the {host.processes} asked for."
        return ResourceError(problem, "Lower its slots in the hostfile, or --gpus.")
    return None


def versions() -> dict[str, str]:
    """What must be the same on all machines."""
    return {"macaw": __version__, **{name: importlib.metadata.version(name) for name in ("torch", "deepspeed")}}


def _answer(folder: Path, number: str, device: str, trackers: Sequence[str]) -> dict[str, Any]:
    """What this machine says; it leaves a file as well, which shows that both see one folder."""
    word = folder / "word"
    seen = word.is_file() and word.read_text() == WORD
    if seen:
        write_text(folder / f"answer-{number}", WORD)
    gpus = 0
    if device == "cuda":
        import torch

        gpus = torch.cuda.device_count()
    return {"versions": versions(), "seen": seen, "gpus": gpus, "missing": missing_trackers(trackers)}


if __name__ == "__main__":
    print(json.dumps(_answer(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])))
