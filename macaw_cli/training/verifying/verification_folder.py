"""The folder in which resuming is verified: removed at the end, unless somebody is told to look into it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from macaw_cli.basics.atomic_files import write_text
from macaw_cli.basics.errors import Interrupted, LockedError, MacawError
from macaw_cli.basics.locks import LOCK_NAME, folder_lock
from macaw_cli.basics.working_files import kind_of, remove_own

PREFIX = ".verify-resume-"
KEPT_NAME = "kept.txt"
"""Holds why the folder stays; without it a folder whose owner is dead goes at the next start."""


@contextmanager
def verification_folder(runs: Path) -> Iterator[Path]:
    """A folder of its own among the runs, after those that killed verifications have left are removed.

    It stays when an error names it, and when macaw itself fails.

    Args:
        runs: the folder of runs, made where it is missing.
    """
    runs.mkdir(parents=True, exist_ok=True)
    _remove_forgotten(runs)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=runs))
    with folder_lock(folder):
        try:
            yield folder
        except Exception as error:
            is_told_whole = isinstance(error, MacawError) and str(folder) not in str(error)
            if isinstance(error, Interrupted) or is_told_whole:
                remove_own(folder)
            else:
                write_text(folder / KEPT_NAME, f"{type(error).__name__}: {error}\n")
            raise
        except BaseException:
            remove_own(folder)
            raise
        remove_own(folder)


def _remove_forgotten(runs: Path) -> None:
    for folder in runs.glob(f"{PREFIX}*"):
        if kind_of(folder) != "a folder" or (folder / KEPT_NAME).exists() or not (folder / LOCK_NAME).exists():
            continue  # to be looked at, or in the moment of being made
        with suppress(LockedError), folder_lock(folder):
            remove_own(folder)
