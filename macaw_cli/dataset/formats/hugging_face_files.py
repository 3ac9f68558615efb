"""Which files a dataset of `datasets` may name: those of its own folder or repository, and no others.

A README can say `data_files: /home/you/notes.csv` or name a URL, and a saved dataset's `state.json` can lead out of its
folder: `datasets` follows both.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.plain_names import plain_name
from macaw_cli.basics.regular_files import open_regular
from macaw_cli.basics.shown_text import shown
from macaw_cli.basics.yaml_text import parse_yaml

LARGEST = 1 << 24
"""Bytes of a description that are read."""
HUB = "hf://datasets/"
_FRONT = re.compile(r"^\s*---(?:\r\n|\r|\n)([\S\s]*?)(?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|$)")
_ADVICE = "Name files of the dataset itself, or read those files as csv:, parquet: or jsonl:."


def require_own_names(folder: Path) -> None:
    """Check what a folder says about its files, before anything follows it.

    Raises:
        InputError: it names files elsewhere, or what it says cannot be read.
    """
    readme, alone = folder / "README.md", folder / ".huggingface.yaml"
    if readme.is_file() and (front := _FRONT.search(_text(readme))):
        _require_inside(parse_yaml(front[1], str(readme)), readme)
    if alone.is_file():
        _require_inside(parse_yaml(_text(alone), str(alone)), alone)


def require_own_splits(folder: Path) -> None:
    """Check the names that a folder from `save_to_disk` holds.

    Raises:
        InputError: one of them is no plain name, or a file of names has another form.
    """
    told = folder / "dataset_dict.json"
    if told.is_file():
        for split in _list(told, "splits"):
            require_own_splits(folder / plain_name(split, f"{told}: `splits`"))
    state = folder / "state.json"
    if state.is_file():
        for file in _list(state, "_data_files"):
            name = file.get("filename") if isinstance(file, dict) else file
            plain_name(name, f"{state}: `_data_files`")


def require_own_files(files: Mapping[str, Sequence[Any]] | None, folder: Path | None, name: str) -> None:
    """Check the files that `datasets` found.

    Args:
        files: by split, with their full paths.
        folder: of the dataset; None for one of the hub.
        name: of the dataset.

    Raises:
        InputError: one is elsewhere.
    """
    root = f"{folder.resolve().as_posix()}/" if folder else HUB
    for file in (str(one) for found in (files or {}).values() for one in found):
        if not file.startswith(root) or ".." in PurePosixPath(file).parts:
            raise InputError(f"hf:{name} names a file elsewhere: {shown(file)}.", _ADVICE)


def _require_inside(told: Any, where: Path) -> None:
    configs = told.get("configs") if isinstance(told, dict) else None
    for config in configs if isinstance(configs, list) else ():
        for key in ("data_files", "data_dir") if isinstance(config, dict) else ():
            for name in _texts(config.get(key)):
                if "://" in name or "::" in name or name.startswith(("/", "~")) or ".." in PurePosixPath(name).parts:
                    raise InputError(f"{where} names files elsewhere: {shown(name)}.", _ADVICE)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def _list(path: Path, key: str) -> list[Any]:
    found = parse_json(_text(path), str(path))
    listed = found.get(key) if isinstance(found, dict) else None
    if not isinstance(listed, list):
        raise InputError(f"{path} needs a list under `{key}`.", "Was the folder written by save_to_disk?")
    return listed


def _text(path: Path) -> str:
    with open_regular(path) as file:
        return file.read(LARGEST).decode("utf-8-sig", errors="replace")
