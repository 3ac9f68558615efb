"""What the files of a feature store hold, row by row: checked wherever they are read."""

import re
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import line_number, located_jsonl
from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.fingerprints import require_version
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.plain_names import is_shard_name
from macaw_cli.basics.shown_text import shown
from macaw_cli.basics.typed_files import iterate_objects, read_object
from macaw_cli.basics.typed_rows import (
    COUNT,
    DTYPE,
    DTYPES,
    LARGEST,
    NUMBER,
    OBJECT,
    SHAPE,
    SHARD_NAME,
    TEXT,
    Fields,
    Kind,
    is_shape,
    mapping_of,
    one_of,
)
from macaw_cli.modalities.table import MODALITIES, require_known

STORE_VERSION = 1
STORE_NAME, MANIFEST_NAME, REJECTS_NAME = "store.json", "manifest.jsonl", "rejects.jsonl"

NULL_KEY = "null"
"""Key of the features of an all-zero input, one per modality, in the modality's first shard."""
_MODALITIES = frozenset(MODALITIES)
_KEY = re.compile("[0-9A-Za-z]{1,128}")
KEY = Kind("the key of a medium", str, _KEY.fullmatch)

_STORE = Fields({"fingerprints": mapping_of(OBJECT)})
_SHARD = Fields({"shard": SHARD_NAME, "bytes": COUNT, "sha256": TEXT, "items": COUNT}, {"job": COUNT})
_META = Fields({}, {"duration": NUMBER, "seconds": NUMBER})
_values = itemgetter("path", "key", "modality", "shard", "offset", "bytes", "shape", "dtype")


def _is_usual(row: Any) -> bool:
    """The fast test of a medium's row."""
    try:
        path, key, modality, shard, offset, nbytes, shape, dtype = _values(row)
    except (KeyError, TypeError):
        return False
    if not (type(path) is str and type(key) is str and type(modality) is str and type(shard) is str):
        return False
    if not (type(offset) is int and type(nbytes) is int and 0 <= offset <= LARGEST and 0 <= nbytes <= LARGEST):
        return False
    if not (type(shape) is list and type(dtype) is str and dtype in DTYPES and modality in _MODALITIES):
        return False
    if not (_KEY.fullmatch(key) and is_shard_name(shard) and is_shape(shape)):
        return False
    meta = row.get("meta")
    return meta is None or _META.holds(meta)


_MEDIUM = Fields(
    {"path": TEXT, "key": KEY, "modality": one_of(MODALITIES), "shard": SHARD_NAME, "offset": COUNT, "bytes": COUNT,
     "shape": SHAPE, "dtype": DTYPE},
    {"meta": _META},
    usual=_is_usual,
)  # fmt: skip
ROW_BEGUN = Fields({"path": TEXT, "key": KEY, "shape": SHAPE, "dtype": DTYPE, "meta": OBJECT})
"""A row of a shard that is not finished: where its array stands comes later."""
REJECT = Fields({"path": TEXT}, {"modality": one_of(MODALITIES), "key": TEXT, "reason": TEXT, "manifest": TEXT})


def read_store_file(path: Path) -> dict[str, Any]:
    """The content of a `store.json`.

    Raises:
        MismatchError: a newer macaw wrote it, or it has a modality of a package that is not installed.
        DamagedError: it is not what macaw writes.
    """
    store: dict[str, Any] = read_object(path, OBJECT)
    require_version(store.get("format_version"), STORE_VERSION, path)
    _STORE.checked(store, str(path))
    require_known(store["fingerprints"], f"The feature store {path.parent}", store["fingerprints"])
    return store


def manifest_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every row of a manifest with the byte at which its line begins; a row without `key` is that of a finished shard.

    Raises:
        DamagedError: with the line that does not hold what macaw writes there.
    """
    is_medium = _MEDIUM.holds
    for located in located_jsonl(path):
        start, row = located
        if not is_medium(row):
            kind = _MEDIUM if isinstance(row, dict) and "key" in row else _SHARD
            if not kind.holds(row):
                kind.checked(row, f"{path}, line {line_number(path, start)}")
        yield located


def medium_row(line: str, where: str) -> dict[str, Any]:
    """One line of a manifest, which is a medium's.

    Raises:
        DamagedError: it is not.
    """
    row: dict[str, Any] = _MEDIUM.checked(parse_json(line, where, DamagedError), where)
    return row


def reject_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a `rejects.jsonl`.

    Raises:
        DamagedError: with the line that does not hold what macaw writes there.
    """
    for row in iterate_objects(path, REJECT):
        yield {"modality": None, "key": None, **row}


def digest_of_key(key: str) -> bytes:
    """The key as bytes, which take half the memory.

    Raises:
        DamagedError: it is no hash in hex.
    """
    try:
        return bytes.fromhex(key)
    except ValueError:
        raise DamagedError(f"The files of the store name a key that is not a hash: {shown(key)}.", _HINT) from None


_HINT = "Was the file made by macaw? Restore it from a copy, or extract into another folder."
