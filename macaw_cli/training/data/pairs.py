"""A packed sequence of conversations becomes pairs of a medium and a text, for the objective `media-text`.

A conversation gives a pair for each modality of which it has one medium; the text is its first answer. A medium or a
text that is in the sequence already is left out, as it would be no wrong partner for the others, and a single pair has
nothing to be compared with. Where there are no pairs, two of nothing stand in, as every rank has to run every module.

Letters: B pairs, L text tokens, N feature tokens, C channels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from macaw_cli.modalities.table import Modality
from macaw_cli.model.losses import IGNORED
from macaw_cli.model.pretraining.bridge_pretraining import MediaTexts
from macaw_cli.shards.joined_datasets import DatasetReader
from macaw_cli.shards.training_rows import ConversationRow, MediaRef
from macaw_cli.training.data.batches import CPU
from macaw_cli.training.data.epoch_plan import PlannedStep
from macaw_cli.training.data.media_block import MediaBlock, digest_of, media_block
from macaw_cli.training.data.step_sample import PackedExamples
from macaw_cli.training.data.tokenised import Tokens

TEXT_TOKENS = 32
"""Most tokens of a text, the one that begins it included, as published."""


@dataclass(frozen=True)
class PairBlock:
    """The pairs of one modality."""

    media: MediaBlock
    ids: torch.Tensor
    """(B, L) int64."""
    text_mask: torch.Tensor
    """(B, L) bool."""
    pairs: int
    """B, or 0 where they stand in for none."""


@dataclass(frozen=True)
class PairBatch:
    """The pairs of one packed sequence, still in CPU memory."""

    blocks: Mapping[Modality, PairBlock]
    dtype: torch.dtype
    """Number format that the model computes in."""
    digest: int
    """See `Batch.digest`."""
    groups: None = None
    """Losses of pairs are not weighted."""

    @property
    def targets(self) -> int:
        """Pairs of all modalities."""
        return sum(block.pairs for block in self.blocks.values())

    def inputs(self, device: torch.device) -> dict[str, Any]:
        """Keyword arguments of `BridgePretraining.forward`."""
        return {"pairs": {name: self._moved(block, device) for name, block in self.blocks.items()}}

    def _moved(self, block: PairBlock, device: torch.device) -> MediaTexts:
        values = block.media.values.to(device, non_blocking=True).to(self.dtype)
        ids, mask = (one.to(device, non_blocking=True) for one in (block.ids, block.text_mask))
        return MediaTexts(MediaBlock(values, block.media.shapes).split(), ids, mask, block.pairs)


class PairReader:
    """Makes pairs out of packed sequences; used as `SequenceReader` is.

    Args:
        dataset: where the features are.
        rows: conversations by number, as in the plan.
        tokens: the same conversations, tokenised.
        dtype: number format that the model computes in.
        channels: C of each compared modality.
        first_id: the token that begins a text.
        device: where it is computed; for a GPU batches lie in pinned memory.
    """

    def __init__(
        self, dataset: DatasetReader, rows: Sequence[ConversationRow], tokens: Tokens, dtype: torch.dtype, *,
        channels: Mapping[Modality, int], first_id: int, device: torch.device = CPU,
    ) -> None:  # fmt: skip
        self._dataset, self._rows, self._tokens, self._dtype = dataset, rows, tokens, dtype
        self._channels, self._first_id, self._pinned = channels, first_id, device.type == "cuda"

    def read(self, sequence: PackedExamples) -> PairBatch:
        """The pairs of one packed sequence.

        Raises:
            DamagedError: a shard is missing or cut.
        """
        blocks = {name: self._block(sequence, name) for name in self._channels}
        ids = torch.cat([block.ids.flatten() for block in blocks.values()])
        return PairBatch(blocks, self._dtype, digest_of(ids, {name: block.media for name, block in blocks.items()}))

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each conversation."""
        return self._tokens.lengths

    def names(self, sequence: PackedExamples) -> list[str]:
        """Ids of the conversations of a packed sequence."""
        return [self._rows[example].id for example in sequence]

    def stored_bytes(self, sequence: PackedExamples) -> int:
        """Bytes of the sequence's features in the shards."""
        return sum(ref.nbytes for example in sequence for ref in self._rows[example].media)

    def targets(self, step: PlannedStep) -> int:
        """Pairs of a step over all ranks; 1 where it has none, as the losses are divided by it."""
        pairs = (len(self.pairs(sequence, name)) for sequence in step.sequences for name in self._channels)
        return max(sum(pairs), 1)

    def pairs(self, sequence: PackedExamples, modality: Modality) -> list[tuple[MediaRef, tuple[int, ...]]]:
        """Media and the ids of their texts; none where there is a single pair."""
        found: list[tuple[MediaRef, tuple[int, ...]]] = []
        media, texts = set[str](), set[tuple[int, ...]]()
        for example in sequence:
            refs = [ref for ref in self._rows[example].media if ref.modality == modality]
            if len(refs) != 1:
                continue
            medium, text = refs[0].key, self._text(example)
            if medium not in media and text not in texts:
                found.append((refs[0], text))
                media.add(medium)
                texts.add(text)
        return found if len(found) > 1 else []

    def _text(self, example: int) -> tuple[int, ...]:
        """The first answer of a conversation, cut to `TEXT_TOKENS`, behind the token that begins it."""
        ids, labels = self._tokens.conversation(example)
        supervised = labels != IGNORED
        start = int(supervised.argmax())
        rest = supervised[start : start + TEXT_TOKENS - 1]
        length = len(rest) if rest.all() else int(rest.argmin())
        return (self._first_id, *ids[start : start + length].tolist())

    def _block(self, sequence: PackedExamples, modality: Modality) -> PairBlock:
        pairs = self.pairs(sequence, modality)
        if not pairs:
            nothing = MediaBlock(torch.zeros(2 * self._channels[modality]), ((1, self._channels[modality]),) * 2)
            return PairBlock(nothing, torch.full((2, 2), self._first_id), torch.ones(2, 2, dtype=torch.bool), 0)
        texts = [torch.tensor(text) for _, text in pairs]
        ids = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)
        mask = torch.arange(ids.shape[1]) < torch.tensor([len(text) for text in texts])[:, None]
        if self._pinned:
            ids, mask = ids.pin_memory(), mask.pin_memory()
        media = media_block(self._dataset, [ref for ref, _ in pairs], pinned=self._pinned)
        return PairBlock(media, ids, mask, len(pairs))
