"""`dataset.json`, the lock file of a dataset: what it was made from, and what belongs to it.

It is written last, so a folder that has one is whole; reading starts here.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.basics.fingerprints import require_version, sha256_file
from macaw_cli.basics.owned_folders import FolderKind, marker_content
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import (
    COUNT,
    DTYPE,
    HASH,
    NUMBER,
    OBJECT,
    SHAPE,
    SHARD_NAME,
    TEXT,
    Fields,
    either,
    list_of,
    mapping_of,
    one_of,
    or_null,
)
from macaw_cli.basics.working_files import kind_of
from macaw_cli.modalities.table import require_known
from macaw_cli.shards.expert_texts import DESCRIBED, EXPERTS_NAME

FORMAT_VERSION = 1
CONTENT_VERSION = 2
"""Of what is written into samples and index; raised when something is added that older versions need not know, so that
the same command builds an older dataset again. 2: `seconds` of audio."""
LOCK_NAME = "dataset.json"
INDEX_NAME = "index.jsonl"
_INDEX = Fields({"name": one_of((INDEX_NAME,)), "bytes": COUNT, "sha256": HASH})
_EXPERT_TEXTS = Fields({"name": one_of((EXPERTS_NAME,)), "bytes": COUNT, "sha256": HASH})
_SHARD = Fields({"name": SHARD_NAME, "bytes": COUNT, "sha256": HASH})
_NULL = Fields({"shard": SHARD_NAME, "offset": COUNT, "shape": SHAPE, "dtype": DTYPE})
_SPLIT = Fields({"conversations": COUNT}, {"kinds": mapping_of(COUNT)})
_LEAKS = Fields({"found": mapping_of(Fields({"compared": COUNT, "near": COUNT}))})
_TEXTS = Fields({"conversations": COUNT, "turns": COUNT, "instruction_words": COUNT, "response_words": COUNT})
_SOURCE = Fields(
    {},
    {"file": TEXT, "format": TEXT, "sha256": TEXT, "count": or_null(COUNT), "options": mapping_of(TEXT),
     "files": mapping_of(TEXT), "train": COUNT, "val": COUNT, "rejected": COUNT,
     "texts": _TEXTS},
)  # fmt: skip
_STORE = Fields({}, {"folder": TEXT, "store.json": TEXT, "manifest.jsonl": TEXT})
_ASKED = Fields(
    {},
    {"requests": COUNT, "accepted": COUNT, "rejected": mapping_of(COUNT), "outcomes": mapping_of(COUNT),
     "prompt_tokens": COUNT, "completion_tokens": COUNT, "cost": NUMBER},
)  # fmt: skip
_GENERATOR = Fields(
    {}, {"model": TEXT, "endpoint": TEXT, "parameters": OBJECT, "prompts": TEXT, "kinds": mapping_of(_ASKED),
         "cost": NUMBER}
)  # fmt: skip
_LOCK = Fields(
    {"hash": HASH, "fingerprints": mapping_of(OBJECT), "null": mapping_of(_NULL), "index": _INDEX,
     "shards": list_of(_SHARD)},
    {"macaw": TEXT, "inputs": TEXT, "seed": either(COUNT, NUMBER), "val_fraction": NUMBER, "shard_megabytes": NUMBER,
     "counts": mapping_of(_SPLIT), "filters": mapping_of(COUNT), "filter_settings": list_of(OBJECT),
     "sources": list_of(_SOURCE), "feature_stores": list_of(_STORE), "mix": list_of(NUMBER), "generator": _GENERATOR,
     "leaks": _LEAKS, "media_folders": TEXT, "mix_settings": OBJECT, "texts": mapping_of(mapping_of(_TEXTS)),
     "experts": DESCRIBED, "expert_texts": _EXPERT_TEXTS},
)  # fmt: skip
BUILDING_NAME = ".building"
"""Folder inside the dataset's in which a new version is made."""
BUILDING_MARK, PUBLISHING_NAME = "building.json", "publishing.json"
"""In `.building`. Written first: what makes it macaw's own; before publishing: which files beside it are."""
BUILDING_VERSION = 1
BUILDING_NAMES = re.compile(r"(building|publishing)\.json|[0-9a-f]+")
"""What `.building` holds."""


def read_lock(folder: Path) -> dict[str, Any]:
    """The content of the folder's `dataset.json`.

    Raises:
        InputError: no dataset is there, or it was never finished.
        MismatchError: a newer macaw wrote it, or it has a modality of a package that is not installed.
        DamagedError: it is not what macaw writes.
    """
    path = folder / LOCK_NAME
    if not path.is_file():
        raise InputError(*_absent(folder))
    info: dict[str, Any] = read_object(path, OBJECT)
    require_version(info.get("format_version"), FORMAT_VERSION, path)
    _LOCK.checked(info, str(path))
    require_known(info["fingerprints"], f"The dataset {folder}", info["fingerprints"])
    return info


def files_of(info: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every file of a dataset besides `dataset.json`: `{"name", "bytes", "sha256", ...}` each."""
    texts = info.get("expert_texts")
    return [info["index"], *info["shards"], *([texts] if texts else [])]


def is_building(folder: Path) -> bool:
    """Whether a build of macaw was begun in the folder and not finished."""
    building = folder / BUILDING_NAME
    content = marker_content(building / BUILDING_MARK) if kind_of(building) == "a folder" else None
    if content is None:
        return False
    require_version(content.get("format_version"), BUILDING_VERSION, building / BUILDING_MARK)
    return True


def _is_dataset(folder: Path) -> bool:
    content = marker_content(folder / LOCK_NAME)
    if content is None or not {"format_version", "shards", "index"} <= content.keys():
        return is_building(folder)
    require_version(content["format_version"], FORMAT_VERSION, folder / LOCK_NAME)
    return True


DATASET = FolderKind("dataset", _is_dataset)
"""The kind of existing folder that `macaw build-dataset` may write into."""


def require_whole(folder: Path, info: Mapping[str, Any], *, hashes: bool = False) -> None:
    """Compare every file with what was recorded when it was written.

    A tar cut at a member boundary reads as a shorter tar without any error, so only the recorded size tells.

    Args:
        folder: the dataset.
        info: its `dataset.json`.
        hashes: read and hash every byte as well.

    Raises:
        DamagedError: a file is missing, has another size or, with `hashes`, another content; all such files are named.
    """
    problems = [problem for file in files_of(info) if (problem := _problem(folder, file, hashes))]
    if problems:
        raise DamagedError(
            f"The dataset {folder} is damaged: {'; '.join(problems)}.",
            "Restore the files from a copy, or delete the folder and type `macaw build-dataset` again.",
        )


def dataset_hash(files: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256, in hex, over the names and hashes of the index and of every shard."""
    lines = "".join(f"{file['sha256']}  {file['name']}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def _problem(folder: Path, file: Mapping[str, Any], hashes: bool) -> str | None:
    path = folder / file["name"]
    if not path.is_file():
        return f"{file['name']} is missing"
    size = path.stat().st_size
    if size != file["bytes"]:
        return f"{file['name']} has {size} bytes instead of {file['bytes']}"
    if hashes and sha256_file(path) != file["sha256"]:
        return f"{file['name']} has changed since it was written"
    return None


def _absent(folder: Path) -> tuple[str, str]:
    if not folder.exists():
        return f"There is no dataset at {folder}: the folder does not exist.", "`macaw build-dataset` makes one."
    if (folder / BUILDING_NAME).exists():
        return f"The dataset {folder} was never finished.", "Run the same `macaw build-dataset` again: it continues."
    if (folder / "store.json").is_file():
        return f"{folder} is a feature store, not a dataset.", "`macaw build-dataset` makes a dataset from it."
    return f"There is no dataset in {folder}: it has no {LOCK_NAME}.", "`macaw build-dataset` makes one."
