"""The experts of a model inside its export: the folders of their models are copied, what is on the hub stays there."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from macaw_cli.basics.working_files import make_folder

FOLDER = "experts"
"""In an export; holds a folder for each expert that has a model."""
_KINDS = ("*.json", "*.safetensors", "*.txt", "*.model")
"""Weights, configurations, tokenizers; nothing that would be run or unpickled."""


def carry(expert_texts: Mapping[str, Any], sources: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Copy the models of experts.

    Args:
        expert_texts: of the model's configuration.
        sources: see `ModelExperts.sources`.
        folder: of the export.

    Returns:
        The `expert_texts` of the export, which names the copies.
    """
    experts = []
    for one in expert_texts["experts"]:
        options = dict(one["options"])
        if source := sources.get(one["name"]):
            options["model"] = source
        if source and Path(source).is_dir():
            options["model"] = f"{FOLDER}/{one['name']}"
            make_folder(folder / FOLDER / one["name"])
            for file in _files(Path(source)):
                shutil.copyfile(file, folder / FOLDER / one["name"] / file.name)
        experts.append({**one, "options": options})
    return {**expert_texts, "experts": experts}


def carried_bytes(sources: Mapping[str, str]) -> int:
    """Of the files that `carry` copies."""
    folders = {name: Path(source) for name, source in sources.items() if Path(source).is_dir()}
    return sum(file.stat().st_size for folder in folders.values() for file in _files(folder))


def _files(folder: Path) -> Iterator[Path]:
    for kind in _KINDS:
        yield from sorted(file for file in folder.glob(kind) if file.is_file())
