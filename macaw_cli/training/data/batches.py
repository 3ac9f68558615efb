"""A packed sequence of conversations becomes one row of tensors.

T: tokens of the sequence, N: feature tokens, C: channels, F: frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.losses import IGNORED
from macaw_cli.model.packing.row_layout import RowLayout, row_layout
from macaw_cli.model.text.own_instructions import KEYWORDS
from macaw_cli.shards.joined_datasets import DatasetReader
from macaw_cli.shards.training_rows import ConversationRow, MediaRef
from macaw_cli.training.data.epoch_plan import PlannedStep
from macaw_cli.training.data.instruction_source import InstructionBlock, InstructionSource
from macaw_cli.training.data.media_block import MediaBlock, digest_of, media_block
from macaw_cli.training.data.step_sample import PackedExamples
from macaw_cli.training.data.tokenised import Tokens

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Batch:
    """One packed sequence as the model takes it, still in CPU memory."""

    tokens: torch.Tensor
    """(3, T), int64: ids, labels and positions."""
    dtype: torch.dtype
    """Number format that the model computes in."""
    media: dict[Modality, MediaBlock] = field(default_factory=dict)
    digest: int = 0
    """48 bits that change with any token, label or feature of the sequence; the same at whatever process it is read."""
    groups: torch.Tensor | None = None
    """(n,) int64: the group of each supervised token, where losses are weighted."""
    layout: RowLayout | None = None
    """Where things stand in the row; without it the model looks, which a GPU is waited for."""
    instructions: dict[Modality, InstructionBlock] = field(default_factory=dict)
    """What is asked about the media, where a bridge has a tokenizer of its own."""

    @property
    def input_ids(self) -> torch.Tensor:
        """(1, T)."""
        return self.tokens[0:1]

    @property
    def labels(self) -> torch.Tensor:
        """(1, T); -100 where nothing is supervised."""
        return self.tokens[1:2]

    @property
    def position_ids(self) -> torch.Tensor:
        """(1, T); restarts at 0 with each conversation, from which the block-diagonal attention follows."""
        return self.tokens[2:3]

    @property
    def targets(self) -> int:
        """Supervised tokens."""
        return int((self.labels != IGNORED).sum())

    @property
    def features(self) -> dict[Modality, list[torch.Tensor]]:
        """Modality to its media, in order of appearance, as stored: (N, C) each, video (F, N, C)."""
        return {modality: block.split() for modality, block in self.media.items()}

    def inputs(self, device: torch.device) -> dict[str, Any]:
        """Keyword arguments of the model's forward; from pinned memory the copies do not make the caller wait."""
        tokens = self.tokens.to(device, non_blocking=True)
        moved: dict[str, Any] = {"input_ids": tokens[0:1], "labels": tokens[1:2], "position_ids": tokens[2:3]}
        for modality, block in self.media.items():
            values = block.values.to(device, non_blocking=True).to(self.dtype)
            moved[f"{modality}_features"] = MediaBlock(values, block.shapes).split()
        for modality, asked in self.instructions.items():
            ids = asked.ids.to(device, non_blocking=True)
            moved[KEYWORDS[modality]] = InstructionBlock(ids, asked.lengths).split()
        return moved if self.layout is None else moved | {"layout": self.layout.to(device)}


class SequenceReader:
    """Makes batches out of packed sequences.

    Args:
        dataset: where the features are.
        rows: conversations by number, as in the plan.
        tokens: the same conversations, tokenised.
        dtype: number format that the model computes in.
        device: where it computes; for a GPU batches lie in pinned memory, so that copies run while the CPU goes on.
        config: of the model; with it batches know where their media and supervised tokens stand.
        groups: (examples,) number of each one's group, where the losses of groups are weighted.
    """

    def __init__(
        self,
        dataset: DatasetReader,
        rows: Sequence[ConversationRow],
        tokens: Tokens,
        dtype: torch.dtype,
        device: torch.device = CPU,
        config: MacawConfig | None = None,
        groups: np.ndarray | None = None,
    ) -> None:
        self._dataset = dataset
        self._rows = rows
        self._tokens = tokens
        self._dtype = dtype
        self._pinned = device.type == "cuda"
        self._config = config
        self._groups = groups
        self._instructions = None
        if config is not None and config.instruction_tokenizers:
            self._instructions = InstructionSource(dataset, config)

    def read(self, sequence: PackedExamples) -> Batch:
        """One packed sequence; an empty one becomes a row of two padding tokens, neither supervised.

        Raises:
            DamagedError: a shard is missing or cut.
        """
        if not sequence:
            empty = torch.tensor([[0, 0], [IGNORED, IGNORED], [0, 1]])
            return Batch(empty, self._dtype, groups=self._groups_of(sequence), layout=self._layout(empty))
        pairs = [self._tokens.conversation(example) for example in sequence]
        ids, labels = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        positions = np.concatenate([np.arange(len(part)) for part, _ in pairs])
        tokens = torch.from_numpy(np.stack([ids, labels, positions]).astype(np.int64, copy=False))
        refs = {modality: self._refs(sequence, modality) for modality in MODALITIES}
        media = {
            name: media_block(self._dataset, found, pinned=self._pinned) for name, found in refs.items() if found
        }
        digest = digest_of(tokens, media)
        placed = tokens.pin_memory() if self._pinned else tokens
        groups, layout = self._groups_of(sequence), self._layout(tokens)
        return Batch(placed, self._dtype, media, digest, groups, layout, self._asked(sequence))

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each conversation."""
        return self._tokens.lengths

    def targets(self, step: PlannedStep) -> int:
        """Response tokens of a step over all ranks."""
        return step.supervised_tokens

    def names(self, sequence: PackedExamples) -> list[str]:
        """Ids of the conversations of a packed sequence."""
        return [self._rows[example].id for example in sequence]

    def stored_bytes(self, sequence: PackedExamples) -> int:
        """Bytes of the sequence's features in the shards."""
        return sum(ref.nbytes for example in sequence for ref in self._rows[example].media)

    def _asked(self, sequence: PackedExamples) -> dict[Modality, InstructionBlock]:
        if self._instructions is None:
            return {}
        return self._instructions.blocks([self._rows[example] for example in sequence], pinned=self._pinned)

    def _groups_of(self, sequence: PackedExamples) -> torch.Tensor | None:
        if self._groups is None:
            return None
        examples = np.array(sequence, dtype=np.int64)
        groups = torch.from_numpy(np.repeat(self._groups[examples], self._tokens.supervised_counts[examples]))
        return groups.pin_memory() if self._pinned else groups

    def _layout(self, tokens: torch.Tensor) -> RowLayout | None:
        if self._config is None:
            return None
        layout = row_layout(tokens[0:1], tokens[1:2], tokens[2:3], self._config)
        return layout.pin_memory() if self._pinned else layout

    def _refs(self, sequence: PackedExamples, modality: Modality) -> list[MediaRef]:
        return [ref for example in sequence for ref in self._rows[example].media if ref.modality == modality]

