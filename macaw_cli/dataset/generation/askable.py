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
from macaw_cli.dataset.source_specs import Source
from macaw_cli.dataset.sources import read_source


@dataclass(frozen=True, slots=True)
class Askable:
    """What can be asked about, and what cannot."""

    items: list[Item]
    rejects: list[Row]
    """Rows of items without features, for `rejects.jsonl`: nothing is paid for what could not be used."""


def askable_items(
    sources: Sequence[Source], store_folders: Sequence[Path], seed: int, media_folders: MediaFolders | None = None,
    *, needs_text: bool = True,
) -> Askable:
    """The items of all sources; rows that are conversations, or no JSON, are left to the build.

    Args:
        sources: of items.
        store_folders: with features.
        seed: decides the order, and which items `#N` and `#N%` take.
        media_folders: where files are looked up by name.
        needs_text: something must be known of an item, as its media are not shown to the model.

    Raises:
        InputError: a source or a feature store cannot be read.
        DamagedError: a feature store is incomplete.
        MismatchError: the feature stores do not belong together.
    """  # fmt: skip
    stores = FeatureStores(store_folders)
    items: list[Item] = []
    rejects: list[Row] = []
    for source in sources:
        usable: list[Item] = []
        for found in read_source(source, seed, lambda row, origin: _checked(row, origin, needs_text)):
            if isinstance(found, _BadItem):
                rejects.append(_reject(found.origin, found.id, found.reason))
            elif isinstance(found, Item):
                if reason := _why_not(found, stores, source.path.parent, media_folders):
                    rejects.append(_reject(found.origin, found.id, reason))
                else:
                    usable.append(found)
        usable.sort(key=lambda item: _draw(item.origin, seed))
        items += usable[: round(source.share * len(usable))] if source.share else usable
    return Askable(sorted(items, key=lambda item: _draw(item.origin, seed)), rejects)


@dataclass(frozen=True, slots=True)
class _BadItem:
    """A row that is an item and cannot be used; the build tells of all other rows."""

    origin: Origin
    id: str
    reason: str


def _checked(row: Any, origin: Origin, needs_text: bool) -> Item | _BadItem | None:
    if not is_item(row):
        return None
    try:
        item = checked_item(row, origin)
    except InputError as error:
        return _BadItem(origin, str(row.get("id", "")), error.problem)
    if needs_text and not (item.captions or item.transcript or item.boxes):
        return _BadItem(origin, item.id, "it has no captions, transcript or boxes to write about")
    return item


def _why_not(item: Item, stores: FeatureStores, folder: Path, media_folders: MediaFolders | None) -> str:
    try:
        for modality, names in item.media.items():
            for name in names:
                stores.find(spellings(name, modality, folder, media_folders), modality)
    except InputError as error:
        return error.problem
    return ""


def _reject(origin: Origin, name: str, reason: str) -> Row:
    return {"file": origin.file, "row": origin.row, "id": name, "reason": reason}


def _draw(origin: Origin, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/item/{origin.source}/{origin.row}".encode()).digest()
