"""Checkpoints that are whole or absent, and of which the last good one survives whatever happens to the next.

DeepSpeed writes to a temporary name; when all ranks are done the files are checked, flushed to the disk and
renamed; `latest` and the pruning of old ones come after. No random state is stored: each pack seeds its own
(see `loop.py`), so the step number says it all, at any number of processes.
"""

import errno
import os
import re
import shutil
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from macaw_cli.basics import distributed
from macaw_cli.basics.atomic_files import fsync_folder, read_json, write_json, write_text
from macaw_cli.basics.console import say
from macaw_cli.basics.disk import require_free_space
from macaw_cli.basics.errors import DamagedError, MismatchError, ResourceError
from macaw_cli.basics.fingerprints import require_version
from macaw_cli.training.engine import TrainingEngine

CHECKPOINT_VERSION = 1
PROGRESS_NAME = "progress.json"
TEMPORARY = ".tmp"


@dataclass(frozen=True)
class Progress:
    """Where a run stands."""

    step: int = 0
    """Optimizer steps done."""
    plan: str = ""
    """Hash of the plan of all its epochs."""
    world_size: int = 1
    meter: dict[str, Any] = field(default_factory=dict)
    """What was counted since the last row of metrics.jsonl."""


def save_checkpoint(folder: Path, engine: TrainingEngine, progress: Progress, keep: int) -> None:
    """Write a checkpoint and forget the oldest; every rank must call it.

    Raises:
        ResourceError: the disk is full; the checkpoints from before are untouched.
    """
    name = f"step-{progress.step:08d}"
    temporary = folder / f"{name}{TEMPORARY}"
    try:
        if distributed.is_main():
            folder.mkdir(parents=True, exist_ok=True)
            _remove_unfinished(folder)
            newest = checkpoints(folder)[-1:]
            require_free_space(folder, sum(_size(path) for path in newest))
        engine.save(folder, temporary.name)
        torch.distributed.barrier()
        if distributed.is_main():
            _finish(temporary, folder / name, progress, engine)
            for old in checkpoints(folder)[:-keep]:
                shutil.rmtree(old)
    except (OSError, RuntimeError) as error:
        if not _disk_is_full(error):
            raise
        shutil.rmtree(temporary, ignore_errors=True)
        raise _full_disk(folder) from error
    torch.distributed.barrier()


def newest_progress(folder: Path) -> Progress | None:
    """Where the newest whole checkpoint stands; None without one.

    Raises:
        MismatchError: a newer macaw or another user wrote it.
    """
    newest = _newest_whole(folder)
    return _progress(newest) if newest else None


def load_checkpoint(folder: Path, engine: TrainingEngine, progress: Progress) -> None:
    """Load the checkpoint of `progress`; every rank must call it.

    DeepSpeed unpickles its own files, which can run any code: only files of this user are read.

    Raises:
        MismatchError: another user wrote it.
    """
    path = folder / f"step-{progress.step:08d}"
    _require_own(path)
    engine.load(folder, path.name)


def checkpoints(folder: Path) -> list[Path]:
    """The finished checkpoints, oldest first."""
    found = folder.iterdir() if folder.is_dir() else []
    return sorted(path for path in found if re.fullmatch(r"step-\d{8}", path.name) and (path / PROGRESS_NAME).is_file())


def _newest_whole(folder: Path) -> Path | None:
    for path in reversed(checkpoints(folder)):
        try:
            _require_whole(path)
        except DamagedError as error:
            say(f"{error.problem} The checkpoint before it is used.")
            continue
        return path
    return None


def _progress(path: Path) -> Progress:
    content = read_json(path / PROGRESS_NAME)
    require_version(content["version"], CHECKPOINT_VERSION, path / PROGRESS_NAME)
    return Progress(**content["progress"])


def _finish(temporary: Path, final: Path, progress: Progress, engine: TrainingEngine) -> None:
    files = sorted(path for path in temporary.rglob("*") if path.is_file())
    _require_complete(files, engine)
    for path in files:
        with path.open("rb") as written:
            os.fsync(written.fileno())
    sizes = {str(path.relative_to(temporary)): path.stat().st_size for path in files}
    content: dict[str, Any] = {"version": CHECKPOINT_VERSION, "progress": asdict(progress), "files": sizes}
    write_json(temporary / PROGRESS_NAME, content)
    shutil.rmtree(final, ignore_errors=True)
    temporary.rename(final)
    fsync_folder(final.parent)
    write_text(final.parent / "latest", final.name + "\n")


def _require_complete(files: list[Path], engine: TrainingEngine) -> None:
    """Every rank has written its part, and no file is cut: torch's are zip archives, with their index at the end."""
    states = [path for path in files if path.name.endswith("optim_states.pt")]
    expected = engine.processes.count if engine.settings.zero_stage else 0
    cut = [path.name for path in files if path.suffix == ".pt" and not zipfile.is_zipfile(path)]
    if cut or len(states) < expected:
        raise DamagedError(
            f"The checkpoint {files[0].parent if files else ''} did not become whole "
            f"({len(states)} of {expected} optimizer files, cut: {cut or 'none'}).",
            "The one before it is kept; `macaw train --resume` continues there.",
        )


def _require_whole(path: Path) -> None:
    for name, size in read_json(path / PROGRESS_NAME)["files"].items():
        if not (path / name).is_file() or (path / name).stat().st_size != size:
            raise DamagedError(f"{path / name} is missing or cut (expected {size} bytes).")


def _require_own(path: Path) -> None:
    for file in path.rglob("*"):
        if file.stat().st_uid != os.getuid():
            raise MismatchError(
                f"{file} belongs to another user; a DeepSpeed checkpoint can hold code, so it is not read.",
                "Continue as the user who trained, or take the trained model of the run instead.",
            )


def _remove_unfinished(folder: Path) -> None:
    for path in folder.glob(f"*{TEMPORARY}"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _disk_is_full(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    # torch's own writer, in C++, only says that it could not write
    return any(words in str(error) for words in ("PytorchStreamWriter", "inline_container", "file write failed"))


def _full_disk(folder: Path) -> ResourceError:
    kept = checkpoints(folder)
    last = f"The last good one is {kept[-1].name}." if kept else "There is none before it."
    return ResourceError(
        f"A checkpoint could not be written to {folder}: the disk is full. {last}",
        "Free some space and type `macaw train --resume`; --set training.keep_checkpoints=1 needs the least.",
    )
