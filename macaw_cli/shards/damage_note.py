"""`damaged.json`: the shards that `macaw inspect --verify` found damaged, so that the next extraction makes just them.

Extraction checks sizes only; hashing all shards at each run would take longer than the work. So who has hashed them
leaves a note: `{"format_version": 1, "damaged": [{"shard": "image-000000.tar", "reason": "..."}]}`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from macaw_cli.basics.atomic_files import fsync_folder, write_json
from macaw_cli.basics.fingerprints import require_version
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import OBJECT, SHARD_NAME, TEXT, Fields, list_of
from macaw_cli.basics.working_files import kind_of, remove_file

DAMAGE_NAME = "damaged.json"
DAMAGE_VERSION = 1
_NOTE = Fields({"damaged": list_of(Fields({"shard": SHARD_NAME, "reason": TEXT}))})


def damaged_shards(folder: Path) -> list[str]:
    """Names of the shards that were found damaged and not made again since; empty when there is no note.

    Raises:
        MismatchError: a newer macaw wrote the note.
        DamagedError: it is not what macaw writes.
    """
    return list(_noted(folder))


def note_damage(folder: Path, reasons: Mapping[str, str]) -> None:
    """Replace the note: what is damaged now, each shard's name with its reason; nothing removes it."""
    note = folder / DAMAGE_NAME
    if reasons:
        rows = [{"shard": name, "reason": reason} for name, reason in reasons.items()]
        write_json(note, {"format_version": DAMAGE_VERSION, "damaged": rows})
    elif note.exists():
        remove_file(note)
        fsync_folder(folder)


def forget_damage(folder: Path, repaired: Iterable[str]) -> None:
    """Take shards that were made again off the note; call it after their manifest rows are written."""
    noted, done = _noted(folder), set(repaired)
    if done & noted.keys():
        note_damage(folder, {name: reason for name, reason in noted.items() if name not in done})


def _noted(folder: Path) -> dict[str, str]:
    note = folder / DAMAGE_NAME
    if kind_of(note) != "a file":
        return {}
    content = read_object(note, OBJECT)
    require_version(content.get("format_version"), DAMAGE_VERSION, note)
    _NOTE.checked(content, str(note))
    return {row["shard"]: row["reason"] for row in content["damaged"]}
