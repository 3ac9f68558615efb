"""The tiny pretrained checkpoints that ship with the package, as ordinary folders of `transformers`."""

import shutil
from pathlib import Path

from macaw_cli.basics.disk import disk_full_is_told, require_free_space

SHIPPED = Path(__file__).parent / "pretrained"
NAMES = ("clip", "whisper", "llama")


def copy_checkpoints(folder: Path) -> None:
    """Copy the shipped checkpoints to `folder`/clip, `folder`/whisper and `folder`/llama, over what is there.

    Raises:
        ResourceError: the disk has too little room.
    """
    files = [file for name in NAMES for file in sorted((SHIPPED / name).iterdir()) if file.is_file()]
    require_free_space(folder, sum(file.stat().st_size for file in files))
    with disk_full_is_told(folder):
        for file in files:
            target = folder / file.relative_to(SHIPPED)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
