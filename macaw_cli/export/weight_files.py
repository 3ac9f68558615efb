"""Reading weights that others saved: safetensors, or `pytorch_model*.bin` without running any code in it."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.basics.shown_text import cut
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import PLAIN_NAME, Fields, mapping_of

WHOLE_FILES = ("model.safetensors", "pytorch_model.bin")
_INDEX = Fields({"weight_map": mapping_of(PLAIN_NAME)})
INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors of a checkpoint, and its metadata.

    Args:
        path: a `.safetensors` or `.bin` file, an index of several, or a folder that holds one of them.

    Returns:
        Tensors by name, and the safetensors metadata (empty for `.bin`).

    Raises:
        InputError: no such file, no weights in the folder, a damaged file, or one that holds code.
    """
    if not path.exists():
        raise InputError(f"There is no {path}.", "Name a .safetensors or .bin file, or a folder with one.")
    weights: dict[str, Tensor] = {}
    metadata: dict[str, str] = {}
    for file in _files(path):
        if file.suffix == ".safetensors":
            found, said = _read_safetensors(file)
            metadata |= said
        else:
            found = _read_bin(file)
        weights |= found
    return weights, metadata


def stored_bytes(path: Path) -> int:
    """Size of all files that `read_weights` would read.

    Raises:
        InputError: no such file, or no weights in the folder.
    """
    return sum(file.stat().st_size for file in _files(path)) if path.exists() else 0


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        names = [name for name in (*INDEXES, *WHOLE_FILES) if (path / name).is_file()]
        if not names:
            raise InputError(f"{path} holds no weights.", f"Expected one of {', '.join((*WHOLE_FILES, *INDEXES))}.")
        path = path / names[0]
    if path.name.endswith(".index.json"):
        return _indexed(path)
    return [path]


def _indexed(index: Path) -> list[Path]:
    try:
        names = sorted(set(read_object(index, _INDEX)["weight_map"].values()))
    except DamagedError:
        raise InputError(f"{index} is not an index of weight files.", "Download it again.") from None
    files = [index.parent / Path(str(name)).name for name in names]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise InputError(
            f"{index} names {', '.join(missing)}, which {index.parent} does not hold.", "Download the missing files."
        )
    return files


def _read_safetensors(file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(file, framework="pt") as content:
            return {name: content.get_tensor(name) for name in content.keys()}, content.metadata() or {}  # noqa: SIM118
    except SafetensorError as error:
        raise InputError(f"{file} is not a complete safetensors file ({error}).", "Download it again.") from None


def _read_bin(file: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            content: Any = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise InputError(
            f"{file} is not a plain file of tensors: it is damaged, or loading it would run code.",
            "Ask its author for safetensors; macaw runs no code from files.",
        ) from None
    except Exception as error:  # torch tells damage in many ways, an OSError of the system among them
        reason = cut(f"{error}".partition("\n")[0] or type(error).__name__)
        raise InputError(f"{file} is not a complete torch file ({reason}).", "Download it again.") from None
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{file} holds no dictionary of tensors.", "Name the file with the model's weights.")
    return content
