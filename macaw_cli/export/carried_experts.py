"""The experts of a model inside its export: the folders of their models are copied, what is on the hub stays there."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import PLAIN_NAME, Fields, mapping_of
from macaw_cli.basics.working_files import make_folder

FOLDER = "experts"
"""In an export; holds a folder for each expert that has a model."""
_WEIGHTS, _INDEX_NAME = "model.safetensors", "model.safetensors.index.json"
_NAMES = (
    "config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json",
    "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
    "vocab.json", "vocab.txt", "merges.txt", "special_tokens_map.json", "added_tokens.json", "normalizer.json",
    _WEIGHTS, _INDEX_NAME,
)  # fmt: skip
"""What transformers reads of a model, its feature extractor and its tokenizer; nothing that is run or unpickled."""
_INDEX = Fields({"weight_map": mapping_of(PLAIN_NAME)})


def carry(expert_texts: Mapping[str, Any], sources: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Copy the models of experts.

    Args:
        expert_texts: of the model's configuration.
        sources: see `ModelExperts.sources`.
        folder: of the export.

    Returns:
        The `expert_texts` of the export, which names the copies.

    Raises:
        InputError: a file of a model is a link to a place outside its folder.
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
    """Of the files that `carry` copies; errors as there."""
    folders = {name: Path(source) for name, source in sources.items() if Path(source).is_dir()}
    return sum(file.stat().st_size for folder in folders.values() for file in _files(folder))


def _files(folder: Path) -> Iterator[Path]:
    """The files of a model, none of which leads to another place on the disk."""
    names = [name for name in _NAMES if (folder / name).is_file()]
    if _INDEX_NAME in names:
        _require_own(folder, _INDEX_NAME)
        shards = set(read_object(folder / _INDEX_NAME, _INDEX)["weight_map"].values())
        names += sorted(name for name in shards if name.endswith(".safetensors"))
    for name in dict.fromkeys(names):
        _require_own(folder, name)
        yield folder / name


def _require_own(folder: Path, name: str) -> None:
    """Refuse a link that leads out of the folder: whatever it names would be published with the export.

    The snapshots of a hub cache consist of links to its `blobs`.
    """
    whole, file = folder.resolve(), (folder / name).resolve()
    own_blobs = whole.parent.parent / "blobs" if whole.parent.name == "snapshots" else None
    if not file.is_relative_to(whole) and file.parent != own_blobs:
        raise InputError(
            f"{folder / name} is a link to {file}, outside the folder of its model, and is not copied into an export.",
            "Put a copy of the file in the link's place if it belongs to the model.",
        )
