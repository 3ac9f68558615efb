"""The `mmproj` file: the encoders with their bridges, for the modalities that llama.cpp takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from macaw_cli.export.gguf.file_writing import write_gguf
from macaw_cli.export.gguf.projectors.projector import Projector

ARCHITECTURE = "clip"
KIND = "clip.projector_type"
ROLES = {"image": "vision", "audio": "audio"}
"""Modality to what llama.cpp calls it."""


def write_projectors(path: Path, projectors: Sequence[Projector], number_format: str, name: str) -> None:
    """Write a file.

    Args:
        path: of the new file.
        projectors: one, or one for images and one for audio.
        number_format: as for `write_gguf`.
        name: `general.name`.
    """
    keys: dict[str, Any] = {"general.type": "mmproj", "general.name": name}
    for one in projectors:
        own = one.keys()
        if len(projectors) > 1:
            own[f"clip.{ROLES[one.modality]}.projector_type"] = own.pop(KIND)
        keys |= own
    tensors = [tensor for one in projectors for tensor in one.tensors()]
    write_gguf(path, ARCHITECTURE, keys, tensors, number_format)
