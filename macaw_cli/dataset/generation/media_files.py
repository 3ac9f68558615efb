"""Where the files of an item's media are, for models that are shown them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.file_names import on_disk
from macaw_cli.dataset.items import Item
from macaw_cli.modalities.table import Modality


@dataclass(frozen=True, slots=True)
class MediaFiles:
    """Finds files by the names that sources give them.

    Attributes:
        of_sources: number of a source to its folder, to which its names are relative.
        others: further folders in which media are looked for.
    """

    of_sources: Mapping[int, Path]
    others: Sequence[Path]

    def of(self, item: Item) -> list[tuple[Modality, Path]]:
        """Modality and file of each medium of an item.

        Raises:
            InputError: a file is not there.
        """
        folders = [self.of_sources[item.origin.source], *self.others]
        return [
            (modality, _found(name, folders)) for modality, names in item.media.items() for name in names
        ]


def _found(name: str, folders: Sequence[Path]) -> Path:
    for folder in folders:
        if (path := on_disk(folder / name)).is_file():
            return path
    raise InputError(f"there is no file {name} in {' or '.join(map(str, folders))} to show to the model")
