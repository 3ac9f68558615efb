"""A pack of conversations becomes one row of tensors; features are read ahead by threads.

T: tokens of the pack, N: feature tokens, C: channels, F: frames.
"""

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from macaw_cli.config.settings import MODALITIES
from macaw_cli.model.losses import IGNORED
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.shards.training_rows import ConversationRow
from macaw_cli.training.epoch_plan import Pack
from macaw_cli.training.tokenised import TokenisedConversations

READ_AHEAD = 4
"""Packs that are ready or being read before they are needed."""


@dataclass(frozen=True)
class Batch:
    """One pack as the model takes it, still in CPU memory."""

    input_ids: torch.Tensor
    """(1, T), int64."""
    labels: torch.Tensor
    """(1, T), int64; -100 where nothing is learnt."""
    position_ids: torch.Tensor
    """(1, T), int64; restarts at 0 with each conversation, which keeps them apart in attention."""
    features: dict[str, list[torch.Tensor]] = field(default_factory=dict)
    """Modality to its media, in order of appearance: (N, C) each, video (F, N, C)."""

    def inputs(self, device: torch.device) -> dict[str, Any]:
        """Keyword arguments of the model's forward."""
        moved: dict[str, Any] = {
            "input_ids": self.input_ids.to(device),
            "labels": self.labels.to(device),
            "position_ids": self.position_ids.to(device),
        }
        for modality, media in self.features.items():
            moved[f"{modality}_features"] = [medium.to(device, non_blocking=True) for medium in media]
        return moved


class PackReader:
    """Makes batches out of packs.

    Args:
        dataset: where the features are.
        rows: conversations by number, as in the plan.
        tokens: the same conversations, tokenised.
        dtype: number format that the model computes in.
    """

    def __init__(
        self,
        dataset: TrainingDataset,
        rows: Sequence[ConversationRow],
        tokens: TokenisedConversations,
        dtype: torch.dtype,
    ) -> None:
        self._dataset = dataset
        self._rows = rows
        self._tokens = tokens
        self._dtype = dtype

    def read(self, pack: Pack) -> Batch:
        """One pack; an empty one becomes a row of two padding tokens of which none is learnt.

        Raises:
            DamagedError: a shard is missing or cut.
        """
        if not pack:
            return Batch(torch.zeros(1, 2, dtype=torch.long), torch.full((1, 2), IGNORED), torch.arange(2)[None])
        pairs = [self._tokens.conversation(example) for example in pack]
        return Batch(
            input_ids=_row([ids for ids, _ in pairs]),
            labels=_row([labels for _, labels in pairs]),
            position_ids=_row([np.arange(len(ids)) for ids, _ in pairs]),
            features=self._features(pack),
        )

    def _features(self, pack: Pack) -> dict[str, list[torch.Tensor]]:
        features: dict[str, list[torch.Tensor]] = {}
        for modality in MODALITIES:
            refs = [ref for example in pack for ref in self._rows[example].media if ref.modality == modality]
            if refs:
                read = [torch.from_numpy(self._dataset.features(ref)).to(self._dtype) for ref in refs]
                features[modality] = read
        return features


def read_ahead(reader: PackReader, packs: Iterable[Pack], threads: int = 2) -> Generator[Batch]:
    """The batches of `packs`, in order, each read by a thread before it is asked for."""
    with ThreadPoolExecutor(threads, thread_name_prefix="macaw-read") as pool:
        waiting: deque[Future[Batch]] = deque()
        try:
            for pack in packs:
                waiting.append(pool.submit(reader.read, pack))
                if len(waiting) > READ_AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _row(parts: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.concatenate(parts).astype(np.int64))[None]
