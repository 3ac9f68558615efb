"""The folder of a run's checkpoints: which ones there are and whether they are whole."""

import re
from pathlib import Path
from typing import Any

from macaw_cli.basics.console import say
from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.fingerprints import require_version
from macaw_cli.basics.plain_names import plain_name
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import OBJECT
from macaw_cli.basics.working_files import make_folder, remove_own
from macaw_cli.config.run_files import PROGRESS
from macaw_cli.training.steps.progress import Progress

CHECKPOINT_VERSION = 1
PROGRESS_NAME = "progress.json"
"""Written last: where the run stands, and the size of each file."""
TEMPORARY = ".tmp"
"""Ends the name of what is not whole yet, or is not meant to stay; all ranks must know it, so it is not unique."""
_UNFINISHED = re.compile(rf"(step-\d{{8}}(\.before)?|universal){re.escape(TEMPORARY)}")


def checkpoint_name(step: int) -> str:
    """Name of the checkpoint after `step` steps."""
    return f"step-{step:08d}"


def checkpoints(folder: Path) -> list[Path]:
    """The finished checkpoints, oldest first."""
    found = folder.iterdir() if folder.is_dir() else []
    return sorted(path for path in found if re.fullmatch(r"step-\d{8}", path.name) and (path / PROGRESS_NAME).is_file())


def newest_progress(folder: Path) -> Progress | None:
    """Where the newest whole checkpoint stands; None without one.

    Raises:
        MismatchError: a newer macaw wrote it.
    """
    for path in reversed(checkpoints(folder)):
        try:
            require_whole(path)
        except DamagedError as error:
            say(f"{error.problem} The previous checkpoint is used.")
            continue
        return read_progress(path)
    return None


def read_progress(path: Path) -> Progress:
    """Where the run stood at one checkpoint.

    Raises:
        MismatchError: a newer macaw wrote it.
        DamagedError: its progress.json is not what macaw writes.
    """
    return Progress.from_json(_state(path)["progress"])


def require_whole(path: Path) -> None:
    """Compare every file's size with what was written down when the checkpoint was finished.

    Raises:
        DamagedError: a file is missing or cut, or the checkpoint never was finished.
    """
    if not (path / PROGRESS_NAME).is_file():
        raise DamagedError(f"There is no complete checkpoint {path}.")
    for name, size in _state(path)["files"].items():
        for part in name.split("/"):
            plain_name(part, str(path / PROGRESS_NAME))
        if not (path / name).is_file() or (path / name).stat().st_size != size:
            raise DamagedError(f"{path / name} is missing or truncated (expected {size} bytes).")


def _state(path: Path) -> dict[str, Any]:
    file = path / PROGRESS_NAME
    content: dict[str, Any] = read_object(file, OBJECT)
    require_version(content.get("version"), CHECKPOINT_VERSION, file)
    PROGRESS.checked(content, str(file))
    return content


def remove_unfinished(folder: Path) -> None:
    """Forget what a killed save or conversion has left; anything of another name stays.

    Raises:
        InputError: a link has the name of one.
    """
    for path in folder.glob(f"*{TEMPORARY}"):
        if _UNFINISHED.fullmatch(path.name):
            make_folder(path)  # refuses a link
            remove_own(path)


def size_of(path: Path) -> int:
    """Bytes of all files in a checkpoint."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
