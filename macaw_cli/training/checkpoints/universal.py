"""ZeRO checkpoints for another number of processes, through DeepSpeed's universal form: one file per parameter."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from macaw_cli.basics import child, distributed
from macaw_cli.basics.disk import require_free_space
from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.working_files import make_folder, remove_own
from macaw_cli.training.checkpoints.folder import TEMPORARY, remove_unfinished, size_of
from macaw_cli.training.checkpoints.full_disk import not_written, says_failed_write

CONVERTER = "deepspeed.checkpoint.ds_to_universal"
SPACE = 3
"""The conversion needs so many times the checkpoint's size: fragments, then the merged files, and some more."""


@contextmanager
def universal_checkpoint(path: Path) -> Iterator[Path]:
    """A copy of the checkpoint that any number of processes can read, for the duration of the block.

    Every rank must enter it; the first one converts. The copy is made anew each time and is never taken for a
    checkpoint, so that it does not matter when it is killed.

    Args:
        path: a whole ZeRO checkpoint of this user.

    Raises:
        ResourceError: no room for the copy.
        DamagedError: DeepSpeed cannot convert it.
    """
    copy = path.parent / f"universal{TEMPORARY}" / path.name
    if distributed.is_main():
        remove_unfinished(path.parent)
        require_free_space(path.parent, SPACE * size_of(path))
        _convert(path, copy)
    torch.distributed.barrier()
    yield copy
    torch.distributed.barrier()
    if distributed.is_main():
        remove_own(copy.parent)


def _convert(path: Path, copy: Path) -> None:
    """Run DeepSpeed's own converter, in a process of its own: it prints, and holds whole optimizer states."""
    make_folder(copy)
    command = child.tied(
        CONVERTER, "--input_folder", os.fspath(path), "--output_folder", os.fspath(copy),
        "--num_extract_workers", "1", "--num_merge_workers", "1", "--inject_missing_state",
    )  # fmt: skip
    done = child.run(command, environment={"DS_ACCELERATOR": "cpu"})
    if done.code == 0:
        return
    told = not_written(path.parent, done.err, f"{path.name} for another number of processes")
    remove_own(copy.parent)
    if says_failed_write(done.err):
        raise told
    raise DamagedError(
        f"{path} cannot be converted for another number of processes: {done.last_line}",
        "Continue with the number of processes that wrote it.",
    )
