"""Conversations to token ids: here, or for a large dataset in as many processes as there are cores."""

import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.basics.child_side import end_with_parent
from macaw_cli.basics.console import progress, say
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import InputError, LockedError
from macaw_cli.basics.threads import usable_cores
from macaw_cli.modalities.table import Modality
from macaw_cli.model.losses import IGNORED
from macaw_cli.model.text.encoding import ConversationEncoder, EncodedConversation
from macaw_cli.model.text.told_media import with_told
from macaw_cli.shards.joined_datasets import DatasetReader
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.shards.training_rows import ConversationRow, Split
from macaw_cli.training.data.token_cache import cached, keep
from macaw_cli.training.data.tokenised import Encoded, TokenisedConversations, chained, from_encoded

CHUNK = 1000
"""Conversations that travel to another process at once."""
WORTH_PROCESSES = 50_000
"""Conversations from which on several processes are faster, although each takes seconds to start."""
MOST_PROCESSES = 32

Task = list[tuple[list[dict[str, Any]], list[Any]]]
"""Messages and media shapes of each conversation of a chunk."""


def tokenise(
    dataset: TrainingDataset, split: Split, encoder: ConversationEncoder, cache: Path, key: str
) -> TokenisedConversations:
    """Encode every conversation of `split` and keep the result in `cache`.

    Args:
        dataset: the conversations.
        split: "train" or "val".
        encoder: for the model that is trained.
        cache: folder that all runs of the workspace share.
        key: of the tokens, such as `text_key`.

    Raises:
        InputError: no conversation has a response token.
    """
    rows = dataset.conversations(split)
    chunks = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    processes = min(usable_cores(), MOST_PROCESSES) if len(rows) >= WORTH_PROCESSES else 1
    parts = []
    with progress("Tokenising", len(rows), "conversations") as advance:
        for chunk, part in zip(chunks, _encoded(dataset, chunks, encoder, processes), strict=True):
            parts.append(part)
            advance(len(chunk))
    tokens = chained(parts, [len(chunk) for chunk in chunks])
    require_some(tokens, dataset, split, encoder)
    return kept(tokens, cache, key, split)


def require_some(
    tokens: TokenisedConversations, dataset: TrainingDataset, split: Split, encoder: ConversationEncoder
) -> None:
    """Refuse a dataset of which nothing is left.

    Raises:
        InputError: no conversation has a response token.
    """
    if not len(tokens):
        raise InputError(
            f"None of the {counted(len(dataset.conversations(split)), 'conversation')} in {dataset.folder} has a "
            f"response token within training.max_length={encoder.max_length}.",
            "Raise --set training.max_length, or look at the dataset with `macaw inspect`.",
        )


def kept(tokens: TokenisedConversations, cache: Path, key: str, split: Split) -> TokenisedConversations:
    """The tokens as the cache holds them now, mapped; where another training writes the same, as they are."""
    try:
        keep(tokens, cache, key, split)
    except LockedError:  # the cache only saves time and memory: each process of the training holds its own then
        say(f"The {split} conversations' tokens are kept in memory: another training is writing their cache.")
        return tokens
    return cached(cache, key, split) or tokens


def encode_rows(
    dataset: DatasetReader, rows: Sequence[ConversationRow], encoder: ConversationEncoder
) -> TokenisedConversations:
    """Encode conversations; numbers are positions in `rows`."""
    return from_encoded(_encode(_task(dataset, rows), encoder))


def _encoded(
    dataset: TrainingDataset, chunks: Sequence[Sequence[ConversationRow]], encoder: ConversationEncoder, processes: int
) -> Iterator[TokenisedConversations]:
    if processes == 1:
        yield from (encode_rows(dataset, chunk, encoder) for chunk in chunks)
        return
    spawn = get_context("spawn")  # a fork would copy threads' locks, held or not
    with ProcessPoolExecutor(processes, spawn, initializer=_begin_worker, initargs=(encoder, os.getpid())) as pool:
        waiting: deque[Future[TokenisedConversations]] = deque()
        try:
            for chunk in chunks:
                waiting.append(pool.submit(_encode_in_worker, _task(dataset, chunk)))
                if len(waiting) > 2 * processes:  # no more texts in memory than keep everybody busy
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _task(dataset: DatasetReader, rows: Sequence[ConversationRow]) -> Task:
    use = dataset.text_use
    return [
        (with_told(dataset.messages(row), row.told, use), [(ref.modality, ref.shape) for ref in row.media])
        for row in rows
    ]  # fmt: skip


def _encode(task: Task, encoder: ConversationEncoder) -> list[list[Encoded]]:
    """The examples of each conversation."""
    encoded = []
    for messages, media in task:
        names = [name for name, _ in media]
        encoded.append([_arrays(one, names) for one in encoder.examples(messages, media)])
    return encoded


def _arrays(example: EncodedConversation, names: Sequence[Modality]) -> Encoded:
    ids = np.asarray(example.input_ids, dtype=np.int32)
    return Encoded(ids, np.asarray(example.labels) != IGNORED, [names[at] for at in example.media_order])


_encoder_of_worker: list[ConversationEncoder] = []


def _begin_worker(encoder: ConversationEncoder, parent: int) -> None:
    end_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process hears it too, and ends the pool
    _encoder_of_worker.append(encoder)


def _encode_in_worker(task: Task) -> TokenisedConversations:
    return from_encoded(_encode(task, _encoder_of_worker[0]))
