"""Every conversation as token ids, encoded once and cached, shared by all runs with the same tokenizer and bridge.

The cache holds plain npy arrays: all ids behind each other, a mask of the response tokens, and where each
conversation ends. A conversation without a response token teaches nothing and is left out; it is counted.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.basics.atomic_files import publish_folder, read_json, write_json
from macaw_cli.basics.console import progress
from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.basics.fingerprints import fingerprint
from macaw_cli.basics.locks import folder_lock
from macaw_cli.model.losses import IGNORED
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.shards.training_rows import ConversationRow, Split

CACHE_VERSION = 2
"""Raise it whenever the encoding of a conversation changes."""


@dataclass(frozen=True)
class TokenisedConversations:
    """The conversations of one split that have something to learn."""

    numbers: np.ndarray
    """(n,) int64: position of each kept conversation in `TrainingDataset.conversations(split)`."""
    ends: np.ndarray
    """(n,) int64: where each one's tokens end in `input_ids`."""
    input_ids: np.ndarray
    """(tokens,) int32, all conversations behind each other."""
    supervised: np.ndarray
    """(tokens,) bool: the response tokens, of which the loss is taken."""
    skipped: int
    """Conversations without a response token."""

    def __len__(self) -> int:
        """Number of kept conversations."""
        return len(self.numbers)

    @property
    def lengths(self) -> np.ndarray:
        """(n,) tokens of each conversation."""
        return np.diff(self.ends, prepend=np.int64(0))

    @property
    def supervised_counts(self) -> np.ndarray:
        """(n,) tokens of each conversation that the loss is taken of: the first one has no predecessor."""
        starts = self.ends - self.lengths
        counted = np.concatenate([[0], np.cumsum(self.supervised)])
        supervised: np.ndarray = counted[self.ends] - counted[starts] - self.supervised[starts]
        return supervised

    def conversation(self, example: int) -> tuple[np.ndarray, np.ndarray]:
        """(ids, labels) of one conversation, int64; labels are -100 where nothing is learnt, and on the first token.

        The first token must not be learnt: in a packed row its predecessor belongs to another conversation.
        """
        start = int(self.ends[example - 1]) if example else 0
        part = slice(start, int(self.ends[example]))
        ids = self.input_ids[part].astype(np.int64)
        labels = np.where(self.supervised[part], ids, IGNORED)
        labels[0] = IGNORED
        return ids, labels


def cache_key(dataset: TrainingDataset, tokenizer: Any, config: Any, template: str, max_tokens: int) -> str:
    """16 hex digits that change whenever the token ids could: data, tokenizer, template, bridge or length limit."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return fingerprint(
        {
            "version": CACHE_VERSION,
            "dataset": dataset.hash,
            "tokenizer": backend.to_str() if backend is not None else sorted(tokenizer.get_vocab().items()),
            "special": {name: str(token) for name, token in tokenizer.special_tokens_map.items()},
            "chat_template": str(tokenizer.chat_template) if template == "chat" else "",
            "model": config.encoding_identity(),
            "template": template,
            "max_tokens": max_tokens,
        }
    )


def cached(cache: Path, key: str, split: Split) -> TokenisedConversations | None:
    """What an earlier run tokenised, or None.

    Raises:
        DamagedError: the cache is there, but its arrays do not fit together.
    """
    folder = cache / f"{key}-{split}"
    if not (folder / "tokens.json").is_file():
        return None
    info = read_json(folder / "tokens.json")
    arrays = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in _ARRAYS}
    tokens = TokenisedConversations(**arrays, skipped=info["skipped"])
    if len(tokens) != info["conversations"] or len(tokens.input_ids) != info["tokens"]:
        raise DamagedError(f"{folder} is damaged.", "Delete that folder: it is made again.")
    return tokens


def tokenise(dataset: TrainingDataset, split: Split, encoder: Any, cache: Path, key: str) -> TokenisedConversations:
    """Encode every conversation of `split` and keep the result in `cache`.

    Args:
        dataset: the conversations.
        split: "train" or "val".
        encoder: a ConversationEncoder.
        cache: folder that all runs of the workspace share.
        key: what `cache_key` says.

    Raises:
        InputError: no conversation has a response token.
    """
    rows = dataset.conversations(split)
    with progress("Tokenising", len(rows), "conversations") as advance:
        tokens = encode_rows(dataset, rows, encoder, advance)
    if not len(tokens):
        raise InputError(
            f"None of the {len(rows)} conversations in {dataset.folder} has a response token within "
            f"training.max_tokens={encoder.max_tokens}.",
            "Raise --set training.max_tokens, or look at the dataset with `macaw inspect`.",
        )
    with folder_lock(cache):
        _keep(tokens, cache / f"{key}-{split}")
    return tokens


def encode_rows(
    dataset: TrainingDataset,
    rows: Sequence[ConversationRow],
    encoder: Any,
    advance: Callable[[int, str], None] = lambda count, note: None,
) -> TokenisedConversations:
    """Encode conversations; numbers are positions in `rows`, `advance` is told of each one."""
    encoded = []
    for row in rows:
        encoded.append(_encode(dataset, row, encoder))
        advance(1, "")
    return _joined(encoded)


def _encode(dataset: TrainingDataset, row: ConversationRow, encoder: Any) -> tuple[np.ndarray, np.ndarray]:
    media = [(ref.modality, ref.shape) for ref in row.media]
    conversation = encoder.encode(dataset.messages(row), media)
    ids = np.asarray(conversation.input_ids, dtype=np.int32)
    return ids, np.asarray(conversation.labels) != IGNORED


_ARRAYS = ("numbers", "ends", "input_ids", "supervised")


def _joined(encoded: Sequence[tuple[np.ndarray, np.ndarray]]) -> TokenisedConversations:
    kept = [number for number, (_, supervised) in enumerate(encoded) if supervised[1:].any()]
    return TokenisedConversations(
        numbers=np.array(kept, dtype=np.int64),
        ends=np.cumsum([len(encoded[number][0]) for number in kept], dtype=np.int64),
        input_ids=np.concatenate([encoded[number][0] for number in kept] or [np.zeros(0, np.int32)]),
        supervised=np.concatenate([encoded[number][1] for number in kept] or [np.zeros(0, bool)]),
        skipped=len(encoded) - len(kept),
    )


def _keep(tokens: TokenisedConversations, folder: Path) -> None:
    """Write the arrays to a folder of a temporary name, and rename it when it is whole."""
    unfinished = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for name in _ARRAYS:
        np.save(unfinished / f"{name}.npy", getattr(tokens, name), allow_pickle=False)
    info = {"conversations": len(tokens), "tokens": len(tokens.input_ids), "skipped": tokens.skipped}
    write_json(unfinished / "tokens.json", info)
    publish_folder(unfinished, folder)
