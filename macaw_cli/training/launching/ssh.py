"""Commands on other machines over ssh (or what stands in its place), with failures told in words."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from macaw_cli.basics.errors import MacawError, MissingDependencyError, ResourceError

OPTIONS = (
    "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4",
)  # fmt: skip
"""Never ask for a password, and notice within a minute that a machine is gone."""
SHELL_VARIABLE = "MACAW_REMOTE_SHELL"
"""Another way to a machine, such as SLURM's srun: the host, `sh`, `-c` and a script are appended as they are."""
NO_FOLDER, NO_PYTHON, SSH_FAILED = 97, 98, 255
"""Exit codes: the first two are our own, the last is what ssh itself ends with."""


def ssh_command(host: str, folder: Path, module: str, *arguments: str) -> list[str]:
    """The command that runs a module of macaw on `host`, with this Python's path and from `folder`.

    Raises:
        MissingDependencyError: there is no ssh here, or nothing by the name that MACAW_REMOTE_SHELL begins with.
    """
    other = shlex.split(os.environ.get(SHELL_VARIABLE, ""))
    program = other[0] if other else "ssh"
    found = shutil.which(program)
    if found is None:
        problem = f"--hostfile needs {program}, which is not installed here."
        raise MissingDependencyError(problem, f"Install it, or name another way to the hosts in {SHELL_VARIABLE}.")
    path = os.environ.get("PYTHONPATH")
    python = shlex.join([*(["env", f"PYTHONPATH={path}"] if path else []), sys.executable, "-m", module, *arguments])
    script = (
        f"cd {shlex.quote(str(folder))} 2>/dev/null || exit {NO_FOLDER}; "
        f"test -x {shlex.quote(sys.executable)} || exit {NO_PYTHON}; exec {python}"
    )
    if other:
        return [found, *other[1:], host, "sh", "-c", script]
    return [found, *OPTIONS, "--", host, shlex.join(["sh", "-c", script])]  # a shell over there takes one text


def explain(host: str, folder: Path, code: int, told: str) -> MacawError:
    """Why a command on `host` failed.

    Args:
        host: the machine.
        folder: where it was to run.
        code: the exit code of ssh.
        told: what it wrote to stderr.
    """
    last = told.strip().splitlines()[-1].strip() if told.strip() else f"exit code {code}"
    if code == SSH_FAILED:
        return ResourceError(
            f"{host} cannot be reached over ssh: {last}",
            f"`ssh {host} true` must work from here without a password (a key, and the host in known_hosts).",
        )
    if code == NO_FOLDER:
        return ResourceError(
            f"{host} has no folder {folder}: the workspace must be on a file system that all machines share, "
            "under the same path.",
            "Mount it there, or move the workspace.",
        )
    if code == NO_PYTHON or "No module named" in told:
        missing = sys.executable if code == NO_PYTHON else f"macaw in {sys.executable} ({last})"
        return ResourceError(f"{host} has no {missing}.", "Install macaw there under the same path as here.")
    return ResourceError(f"{host} cannot take part: {last}", f"Try `ssh {host}` and macaw there by hand.")
