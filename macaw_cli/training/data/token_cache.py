"""Tokenised datasets on disk: plain npy arrays, made once, shared by all runs with the same tokenizer.

The text stands there once for all bridges, and expanded once for all bridges with equally many soft tokens.

The ids are mapped, not read, so that the processes of a machine share one copy of them in memory.
"""

import mmap
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.basics.atomic_files import publish_folder, require_replaceable_folder, write_json
from macaw_cli.basics.console import say
from macaw_cli.basics.disk import disk_full_is_told
from macaw_cli.basics.errors import MacawError
from macaw_cli.basics.fingerprints import fingerprint
from macaw_cli.basics.locks import folder_lock
from macaw_cli.basics.npy_arrays import parse_npy
from macaw_cli.basics.regular_files import open_regular
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.working_files import remove_leftovers, working_folder
from macaw_cli.config.run_files import TOKENS
from macaw_cli.modalities.table import MODALITIES
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.shards.training_rows import Split
from macaw_cli.training.data.expanding import Counts
from macaw_cli.training.data.tokenised import TokenisedConversations

CACHE_VERSION = 7
"""Raise it whenever the encoding of a conversation changes."""
LOCKS = ".locks"
"""Folder of the cache with a lock for each of its folders, which are renamed and replaced themselves."""
MAPPED = ("input_ids", "supervised")
ARRAYS = {
    "numbers": "int64", "ends": "int64", "supervised_counts": "int64", "media_counts": "int64", "input_ids": "int32",
    "supervised": "bool",
}  # fmt: skip
"""Name to the type of its numbers."""
OWN_NAMES = re.compile(rf"tokens\.json|({'|'.join(ARRAYS)})\.npy")
"""What a folder of the cache holds."""


def text_key(dataset: TrainingDataset, encoder: ConversationEncoder) -> str:
    """16 hex digits that change whenever the ids could, but for the number of placeholders of each medium.

    Args:
        dataset: the conversations.
        encoder: tokenizer, template and length limit; of the model's configuration the ids alone matter.
    """
    tokenizer = encoder.tokenizer
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return fingerprint(
        {
            "version": CACHE_VERSION,
            "dataset": dataset.identity,
            "tokenizer": backend.to_str() if backend is not None else sorted(tokenizer.get_vocab().items()),
            "special": {name: str(token) for name, token in tokenizer.special_tokens_map.items()},
            "chat_template": str(tokenizer.chat_template) if encoder.template == "chat" else "",
            "model": encoder.config.text_identity(),
            "template": encoder.template,
            "max_length": encoder.max_length,
            "modalities": list(MODALITIES),
        }
    )


def tokens_key(text: str, counts: Counts, at_least: Mapping[str, int]) -> str:
    """16 hex digits that two bridges share exactly when their tokens are the same.

    Args:
        text: what `text_key` says.
        counts: placeholders of every shape of features in the data.
        at_least: `training.planned_soft_tokens`.
    """
    of_shapes = {name: [[list(shape), count] for shape, count in found.items()] for name, found in counts.items()}
    needless = {name for name, found in counts.items() if at_least.get(name, 0) <= min(found.values())}
    least = {name: at_least[name] for name in counts if name in at_least and name not in needless}
    return fingerprint({"text": text, "placeholders": of_shapes, "at_least": least})


def cached(cache: Path, key: str, split: Split) -> TokenisedConversations | None:
    """What an earlier run tokenised; None where there is nothing, or nothing whole, which is told.

    Making it again is safe: it holds nothing that the dataset does not say.
    """
    folder = cache / f"{key}-{split}"
    if not (folder / "tokens.json").is_file():
        return None
    try:
        return _read(folder)
    except (MacawError, OSError, EOFError, ValueError, LookupError, TypeError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        say(f"The token cache {folder} is damaged ({why}). It is created again.")
        return None


def keep(tokens: TokenisedConversations, cache: Path, key: str, split: Split) -> None:
    """Write the arrays to a folder of a temporary name, and rename it when it is whole.

    Raises:
        ResourceError: the disk is full.
        LockedError: another training writes the same tokens.
        InputError: its place is taken by something that is not macaw's.
    """
    folder = cache / f"{key}-{split}"
    with disk_full_is_told(cache), folder_lock(cache / LOCKS / folder.name):
        require_replaceable_folder(folder, OWN_NAMES)
        remove_leftovers(cache, folder.name, "tmp")
        unfinished = working_folder(folder)
        for name in ARRAYS:
            np.save(unfinished / f"{name}.npy", getattr(tokens, name), allow_pickle=False)
        info = {"conversations": len(tokens), "tokens": len(tokens.input_ids), "skipped": tokens.skipped}
        write_json(unfinished / "tokens.json", info)
        publish_folder(unfinished, folder, OWN_NAMES)


def _read(folder: Path) -> TokenisedConversations:
    """The arrays, checked against each other.

    Raises:
        ValueError: they do not fit together.
    """
    info = read_object(folder / "tokens.json", TOKENS)
    arrays = {name: _array(folder / f"{name}.npy", kind) for name, kind in ARRAYS.items()}
    tokens = TokenisedConversations(**arrays, skipped=info["skipped"])
    small = {len(getattr(tokens, name)) for name in ARRAYS if name not in MAPPED} | {info["conversations"]}
    large = {len(tokens.input_ids), len(tokens.supervised), int(tokens.ends[-1]), info["tokens"]}
    if len(small) > 1 or len(large) > 1:
        raise ValueError("its arrays do not fit together")
    if (np.diff(tokens.ends, prepend=0) <= 0).any() or tokens.media_counts.ndim != 2:
        raise ValueError("its arrays do not fit together")
    return tokens


def _array(file: Path, kind: str) -> np.ndarray:
    with open_regular(file) as content:
        mapped = file.stem in MAPPED
        whole: Any = mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_READ) if mapped else content.read()
    array = parse_npy(whole, str(file))
    if array.dtype != np.dtype(kind):
        raise ValueError(f"{file.name} holds {array.dtype}, expected {kind}")
    return array
