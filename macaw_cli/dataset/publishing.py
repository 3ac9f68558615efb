"""From the building folder to the dataset's own: the old dataset stays whole until the new one is.

All files wait in `.building/<inputs>/`, its own `dataset.json` last. Only then are they moved up, `dataset.json` last
again. A crash in between leaves a folder without `dataset.json`, which no reader accepts, and typing the command
again goes on moving: `.building/publishing.json` says which files in the folder are macaw's own.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from macaw_cli.basics.atomic_files import fsync_folder, publish_folder, write_json
from macaw_cli.basics.console import say
from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.owned_folders import marker_content
from macaw_cli.basics.regular_files import open_regular
from macaw_cli.basics.typed_rows import PLAIN_NAME, Fields, list_of
from macaw_cli.basics.working_files import (
    kind_of,
    make_folder,
    remove_file,
    remove_own,
    require_replaceable,
    take_place,
    working_folder,
)
from macaw_cli.dataset.leaks import LEAKS_NAME
from macaw_cli.dataset.rejects import REJECTS_NAME
from macaw_cli.reports.dataset_card import CARD_NAME, is_own_card
from macaw_cli.shards.dataset_lock import (
    BUILDING_MARK,
    BUILDING_NAME,
    BUILDING_NAMES,
    BUILDING_VERSION,
    LOCK_NAME,
    PUBLISHING_NAME,
    files_of,
    is_building,
    read_lock,
)
from macaw_cli.shards.expert_texts import EXPERTS_NAME, TEXT_ROW
from macaw_cli.shards.tar_reader import HEADER_BYTES, member_name
from macaw_cli.shards.training_rows import ROW

_OWN_MEMBER = re.compile(r"([0-9a-f]{32}|(train|val)-text-\d{6}|null-\w+)\.[\w.]+")
_LONGEST_ROW = 1 << 24
_LONGEST_CARD = 1 << 24
_RECORD = Fields({}, {"own": list_of(PLAIN_NAME)})


def building_folder(out: Path, inputs: str) -> Path:
    """Where the dataset of these `inputs` (a hash) is made; what other inputs left there is removed.

    Raises:
        InputError: `.building` is there, and macaw did not make it.
    """
    parent = out / BUILDING_NAME
    if not kind_of(parent):
        marked = working_folder(parent)
        write_json(marked / BUILDING_MARK, {"format_version": BUILDING_VERSION})
        publish_folder(marked, parent, BUILDING_NAMES)
    require_own_building(out)
    for other in parent.iterdir():
        if other.name not in (inputs, BUILDING_MARK, PUBLISHING_NAME):
            remove_own(other)
    make_folder(parent / inputs)
    return parent / inputs


def require_own_building(out: Path) -> None:
    """Refuse a `.building` that is a link or was not made by macaw.

    Raises:
        InputError: it is not macaw's.
    """
    if kind_of(out / BUILDING_NAME) and not is_building(out):
        found = kind_of(out / BUILDING_NAME)
        raise InputError(
            f"{out / BUILDING_NAME} is {found} that macaw did not create.", "Move it away, or choose another --out."
        )


def forget_building(out: Path) -> None:
    """Remove what another build has left, when the dataset is whole.

    Raises:
        InputError: `.building` is there, and macaw did not make it.
    """
    require_own_building(out)
    remove_own(out / BUILDING_NAME)


def is_complete(building: Path) -> bool:
    """Whether everything was written and only moving is left."""
    return (building / LOCK_NAME).is_file()


def publish(building: Path, out: Path) -> None:
    """Move a complete dataset from `building` to `out`, in place of the one that is there.

    Raises:
        InputError: a file of the new dataset's name is there, which the old dataset does not have.
    """
    info = read_lock(building)
    names = [str(file["name"]) for file in files_of(info)]
    stale = _stale(building, out, names)
    for name in [*names, *stale, REJECTS_NAME, LEAKS_NAME, LOCK_NAME]:  # before the first one goes
        require_replaceable(out / name)
    remove_file(out / LOCK_NAME)
    for name in stale:
        remove_file(out / name)
    for name in [*names, REJECTS_NAME, LEAKS_NAME]:
        if (building / name).exists():  # else an interrupted call has moved it already
            take_place(building / name, out / name)
    _publish_card(building, out)
    fsync_folder(out)
    take_place(building / LOCK_NAME, out / LOCK_NAME)
    fsync_folder(out)
    remove_own(building.parent)


def _publish_card(building: Path, out: Path) -> None:
    """The card goes in the place of one that macaw wrote and nobody has changed, never of another file."""
    if not (building / CARD_NAME).exists():
        return
    found = kind_of(out / CARD_NAME)
    if found == "a file":
        with open_regular(out / CARD_NAME) as card:
            found = "" if is_own_card(card.read(_LONGEST_CARD)) else "a file that was written or changed by somebody"
    if found:
        say(f"{out / CARD_NAME} is {found}, so it is left as it is and may no longer describe the dataset.")
        remove_file(building / CARD_NAME)
    else:
        take_place(building / CARD_NAME, out / CARD_NAME)


def _stale(building: Path, out: Path, names: list[str]) -> list[str]:
    """Own files that the new dataset does not have; all own files are written down before the first one goes."""
    record = building.parent / PUBLISHING_NAME
    known = _RECORD.checked(marker_content(record) or {}, str(record))
    own = {*_old_names(out), *(known.get("own") or [])}
    require_own_files(out, own)
    strangers = [name for name in names if kind_of(out / name) and name not in own]
    if strangers:
        raise InputError(
            f"{out / strangers[0]} is in the way, and does not belong to a macaw dataset.",
            "Move it away and run the same command again, or choose another --out.",
        )
    write_json(record, {"format_version": BUILDING_VERSION, "own": sorted({*own, *names})})
    return sorted(own.difference(names))


def require_own_files(out: Path, names: Iterable[str] = ()) -> None:
    """Refuse to replace files that macaw did not write, whatever a `dataset.json` beside them says of them.

    Args:
        out: the dataset's folder.
        names: of files in it, besides those of its `dataset.json`.

    Raises:
        InputError: with the first one.
    """
    for name in sorted({*names, *_old_names(out)}):
        if kind_of(out / name) == "a file" and not _is_own(out / name):
            raise InputError(
                f"{out / name} would be replaced, and is not what macaw writes under that name.",
                "Move it away and type the same command again, or choose another --out.",
            )


def _is_own(file: Path) -> bool:
    """By its beginning, so that one that was cut behind it, or is empty, is made again."""
    with open_regular(file) as content:
        if file.suffix == ".tar":
            head = content.read(HEADER_BYTES)
            return not head or bool(_OWN_MEMBER.fullmatch(member_name(head)[0]))
        line = content.readline(_LONGEST_ROW)
    try:
        kind = TEXT_ROW if file.name == EXPERTS_NAME else ROW
        return not line or kind.holds(parse_json(line))
    except InputError:
        return False


def _old_names(out: Path) -> list[str]:
    if not (out / LOCK_NAME).is_file():
        return []
    try:
        return [str(file["name"]) for file in files_of(read_lock(out))]
    except (DamagedError, KeyError, TypeError):
        return []
