"""The tiny pretrained checkpoints that ship with the package, as ordinary folders of `transformers`."""

from pathlib import Path

from macaw_cli.basics.atomic_files import write_bytes
from macaw_cli.basics.disk import disk_full_is_told, require_free_space
from macaw_cli.basics.working_files import make_folder

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
            make_folder(target.parent)
            write_bytes(target, file.read_bytes())
