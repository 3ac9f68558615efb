"""An expert from its settings, and how a dataset or model describes it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.named_objects import named_object
from macaw_cli.basics.regular_files import open_regular
from macaw_cli.config.design_entries import Design
from macaw_cli.config.experts.table import TABLE
from macaw_cli.experts.expert import Expert, Surroundings

_LONGEST_FILE = 1 << 24


def load_expert(settings: Design, surroundings: Surroundings) -> Expert[Any]:
    """The expert of these settings.

    Args:
        settings: of one of the table's experts.
        surroundings: what it needs besides.

    Raises:
        InputError: its model or labels cannot be used.
        UsageError: it names no model, or cannot be used here.
        MissingDependencyError: its model must be downloaded first.
    """
    expert: Expert[Any] = named_object(TABLE[settings.name].place)(settings, surroundings)
    return expert


def described(expert: Expert[Any], model: str) -> dict[str, Any]:
    """An expert as `dataset.json` holds it.

    Args:
        expert: the expert.
        model: folder, seen from where it is meant, or hub id of its model.
    """
    options = asdict(expert.settings)
    options |= {"model": model} if "model" in options else {}
    row = TABLE[expert.settings.name]
    return {
        "name": row.name, "modalities": list(row.modalities), "options": options, "fingerprint": expert.fingerprint,
    }  # fmt: skip


def labels_of(file: Path) -> list[str]:
    """The labels of a text file: its lines, without empty ones and repetitions.

    Raises:
        InputError: it cannot be read, is not UTF-8, or holds no label.
    """
    try:
        with open_regular(file) as content:
            text = content.read(_LONGEST_FILE).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The labels in {file} cannot be read: {error}.", "Name a text file in UTF-8.") from None
    labels = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if not labels:
        raise InputError(f"{file} holds no labels.", "Write one label on each line.")
    return labels


