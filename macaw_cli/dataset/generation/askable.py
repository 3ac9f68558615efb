"""Items that examples can be generated for: those whose media have features, in an order that the seed decides."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.dataset.conversations import Origin
from macaw_cli.dataset.descriptions import is_item
from macaw_cli.dataset.feature_join import FeatureStores, spellings
from macaw_cli.dataset.generation.examples import Row
from macaw_cli.dataset.items import Item, checked_item
from macaw_cli.dataset.media_names import MediaFolders
from macaw_cli.dataset.rejects import Reject
from macaw_cli.dataset.source_specs import Source
from macaw_cli.dataset.sources import read_source


@dataclass(frozen=True, slots=True)
class Askable:
    """What can be asked about, and what cannot."""

    items: list[Item]
    rejects: list[Row]
    """Rows of items without features, for `rejects.jsonl`: nothing is paid for what could not be used."""


def askable_items(
    sources: Sequence[Source], store_folders: Sequence[Path], seed: int, media_folders: MediaFolders | None = None
) -> Askable:
    """The items of all sources; rows that are conversations, or wrong, are left to the build.

    Raises:
        InputError: a source or a feature store cannot be read.
        DamagedError: a feature store is incomplete.
        MismatchError: the feature stores do not belong together.
    """
    stores = FeatureStores(store_folders)
    items: list[Item] = []
    rejects: list[Row] = []
    for source in sources:
        for found in read_source(source, seed, _item_or_none):
            if found is None or isinstance(found, Reject):
                continue
            if reason := _why_not(found, stores, source.path.parent, media_folders):
                rejects.append(_reject(found, reason))
            else:
                items.append(found)
    return Askable(sorted(items, key=lambda item: _draw(item.origin, seed)), rejects)


def _item_or_none(row: Any, origin: Origin) -> Item | None:
    return checked_item(row, origin) if is_item(row) else None


def _why_not(item: Item, stores: FeatureStores, folder: Path, media_folders: MediaFolders | None) -> str:
    try:
        for modality, names in item.media.items():
            for name in names:
                stores.find(spellings(name, modality, folder, media_folders), modality)
    except InputError as error:
        return error.problem
    return ""


def _reject(item: Item, reason: str) -> Row:
    return {"file": item.origin.file, "row": item.origin.row, "id": item.id, "reason": reason}


def _draw(origin: Origin, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/item/{origin.source}/{origin.row}".encode()).digest()
