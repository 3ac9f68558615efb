"""Where the files of an item's media are, for models that are shown them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.file_names import on_disk
from macaw_cli.dataset.items import Item
from macaw_cli.dataset.media_names import MediaFolders, other_names
from macaw_cli.modalities.table import Modality


@dataclass(frozen=True, slots=True)
class MediaFiles:
    """Finds files by the names that sources give them.

    Attributes:
        of_sources: number of a source to its folder, to which its names are relative.
        others: further folders, to which names may be relative.
        by_name: folders in which files are looked up by name.
    """

    of_sources: Mapping[int, Path]
    others: Sequence[Path]
    by_name: MediaFolders | None = None

    def of(self, item: Item) -> list[tuple[Modality, Path]]:
        """Modality and file of each medium of an item.

        Raises:
            InputError: a file is not there.
        """
        folders = list(dict.fromkeys([self.of_sources[item.origin.source], *self.others]))
        return [
            (modality, self._found(name, modality, folders))
            for modality, names in item.media.items()
            for name in names
        ]

    def _found(self, name: str, modality: Modality, folders: Sequence[Path]) -> Path:
        names = [name, *other_names(name, modality)]
        for folder in folders:
            for one in names:
                if (path := on_disk(folder / one)).is_file():
                    return path
        if self.by_name is not None and (files := self.by_name.called(names)):
            return files[0]
        places = " or ".join(map(str, folders))
        raise InputError(f"there is no file {name} in {places} to show to the model; name its folder with --media")
