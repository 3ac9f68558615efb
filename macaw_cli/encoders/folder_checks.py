"""What is wrong with a model folder, told before transformers would guess at it."""

import re
from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.shown_text import shown

_TOKENIZER_FILE = re.compile(r".*(token|tekken|vocab|merges|spiece|sentencepiece|spm|bpe).*")
"""Files of tokenizers of all kinds; transformers decides whether they are enough."""


def require_known_type(folder: Path) -> None:
    """Refuse a configuration of a type that transformers does not have, unless it names code of its own.

    Args:
        folder: may be missing, or without a configuration.

    Raises:
        InputError: the type is unknown, or macaw's own.
    """
    file = folder / "config.json"
    try:
        said = parse_json(file.read_bytes()) if file.is_file() else {}
    except (InputError, OSError):
        return  # transformers reads it once more, and what it says is told
    kind = said.get("model_type") if isinstance(said, dict) else None
    if not isinstance(kind, str) or "auto_map" in said:
        return
    if kind == "macaw":  # which transformers has as well, once macaw_cli.auto is imported
        raise InputError(
            f"{folder} is a model of macaw, but the folder of an LLM or an encoder is needed.",
            "Name that of the LLM or the encoder itself. To train a model of macaw further, use --start-from.",
        )
    from transformers import CONFIG_MAPPING

    if kind in CONFIG_MAPPING:
        return
    raise InputError(
        f"{folder} holds a model of type {shown(kind)}, which transformers does not have.",
        "A newer transformers may have it. macaw runs no code from model folders.",
    )


def require_tokenizer_files(folder: Path) -> None:
    """Refuse a folder without any file of a tokenizer.

    Args:
        folder: may be missing: then it is a hub id.

    Raises:
        InputError: it has none.
    """
    if folder.is_dir() and not any(_TOKENIZER_FILE.fullmatch(file.name) for file in folder.iterdir()):
        raise InputError(
            f"{folder} holds no tokenizer, such as tokenizer.json.",
            "Download all of its files, or name a folder that has one.",
        )
