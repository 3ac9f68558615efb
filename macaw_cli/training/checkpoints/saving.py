"""Writing a checkpoint: under a temporary name, checked, flushed, renamed, and only then are older ones forgotten.

No random state is stored: each sequence seeds its own (see `step.py`), so the step number says it all, at any number of
processes.
"""

import os
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from macaw_cli.basics import distributed
from macaw_cli.basics.atomic_files import fsync_folder, write_json, write_text
from macaw_cli.basics.disk import require_free_space
from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.working_files import make_folder, remove_own
from macaw_cli.training.checkpoints.folder import (
    CHECKPOINT_VERSION,
    PROGRESS_NAME,
    TEMPORARY,
    checkpoint_name,
    checkpoints,
    remove_unfinished,
    size_of,
)
from macaw_cli.training.checkpoints.full_disk import MAKE_ROOM, is_failed_write, not_written
from macaw_cli.training.steps.engine import TrainingEngine
from macaw_cli.training.steps.progress import Progress


def save_checkpoint(
    folder: Path, engine: TrainingEngine, progress: Progress, *, keep: int, keep_best: bool = False
) -> None:
    """Write a checkpoint and forget the oldest; every rank must call it.

    Args:
        folder: of the run's checkpoints.
        engine: what is saved.
        progress: where the run stands.
        keep: how many of the newest stay.
        keep_best: whether the one with the lowest validation loss stays as well, until a better one is whole.

    Raises:
        ResourceError: it could not be written, as the disk is full; the checkpoints from before are untouched.
    """
    name = checkpoint_name(progress.step)
    temporary = folder / f"{name}{TEMPORARY}"
    try:
        if distributed.is_main():
            make_folder(folder)
            remove_unfinished(folder)
            require_free_space(folder, sum(size_of(path) for path in checkpoints(folder)[-1:]), MAKE_ROOM)
        engine.save(folder, temporary.name)
        torch.distributed.barrier()
        if distributed.is_main():
            _finish(temporary, folder / name, progress, engine)
            _prune(folder, keep, checkpoint_name(progress.best.step) if keep_best else None)
    except (OSError, RuntimeError) as error:
        if not is_failed_write(error):
            raise
        told = not_written(folder, error)
        remove_own(temporary)
        raise told from error
    torch.distributed.barrier()


def _prune(folder: Path, keep: int, best: str | None) -> None:
    for old in checkpoints(folder)[:-keep]:
        if old.name != best:  # renamed first: what is left by a kill in between is found again
            remove_own(old.rename(old.with_name(old.name + TEMPORARY)))


def _finish(temporary: Path, final: Path, progress: Progress, engine: TrainingEngine) -> None:
    files = sorted(path for path in temporary.rglob("*") if path.is_file())
    _require_complete(files, engine)
    for path in files:
        with path.open("rb") as written:
            os.fsync(written.fileno())
    sizes = {str(path.relative_to(temporary)): path.stat().st_size for path in files}
    content: dict[str, Any] = {"version": CHECKPOINT_VERSION, "progress": asdict(progress), "files": sizes}
    write_json(temporary / PROGRESS_NAME, content)
    before = final.with_name(f"{final.name}.before{TEMPORARY}")
    if final.exists():  # of the same step; to remove it takes seconds, in which a kill would leave none
        final.rename(before)
    temporary.rename(final)
    fsync_folder(final.parent)
    remove_own(before)
    write_text(final.parent / "latest", final.name + "\n")


def _require_complete(files: list[Path], engine: TrainingEngine) -> None:
    """Every rank has written its part, and no file is cut: torch's are zip archives, with their index at the end."""
    states = [path for path in files if path.name.endswith("optim_states.pt")]
    expected = engine.processes.count if engine.settings.zero_stage else 0
    cut = [path.name for path in files if path.suffix == ".pt" and not zipfile.is_zipfile(path)]
    if cut or len(states) < expected:
        raise DamagedError(
            f"The checkpoint {files[0].parent if files else ''} is incomplete "
            f"({len(states)} of {expected} optimizer files, truncated: {cut or 'none'}).",
            "The previous one is kept; `macaw train --resume` continues there.",
        )
