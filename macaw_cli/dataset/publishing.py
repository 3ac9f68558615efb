"""From the building folder to the dataset's own: the old dataset stays whole until the new one is.

All files wait in `.building/<inputs>/`, its own `dataset.json` last. Only then are they moved up, `dataset.json` last
again. A crash in between leaves a folder without `dataset.json`, which no reader accepts, and typing the command
again goes on moving.
"""

import re
import shutil
from pathlib import Path

from macaw_cli.basics.atomic_files import fsync_folder
from macaw_cli.dataset.rejects import REJECTS_NAME
from macaw_cli.shards.dataset_lock import BUILDING_NAME, LOCK_NAME, files_of, read_lock

OWN_SHARD = re.compile(r"(train|val|null)-\d{6}\.tar")


def building_folder(out: Path, inputs: str) -> Path:
    """Where the dataset of these `inputs` (a hash) is made; what other inputs left there is removed."""
    parent = out / BUILDING_NAME
    for other in parent.iterdir() if parent.exists() else ():
        if other.name != inputs:
            shutil.rmtree(other)
    return parent / inputs


def is_complete(building: Path) -> bool:
    """Whether everything was written and only moving is left."""
    return (building / LOCK_NAME).is_file()


def publish(building: Path, out: Path) -> None:
    """Move a complete dataset from `building` to `out`, in place of the one that is there."""
    info = read_lock(building)
    names = [file["name"] for file in files_of(info)]
    (out / LOCK_NAME).unlink(missing_ok=True)
    for stale in [path for path in out.iterdir() if OWN_SHARD.fullmatch(path.name) and path.name not in names]:
        stale.unlink()
    for name in [*names, REJECTS_NAME]:
        if (building / name).exists():  # else an interrupted call has moved it already
            (building / name).replace(out / name)
    fsync_folder(out)
    (building / LOCK_NAME).replace(out / LOCK_NAME)
    fsync_folder(out)
    shutil.rmtree(building.parent)
