"""What is asked about the media of a packed sequence, for bridges that read it in tokens of their own.

It is made of the texts of the conversations when they are read, so the cached tokens of a dataset stay those of all
bridges.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from macaw_cli.modalities.table import Modality
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.text.own_instructions import OwnInstructions, own_instructions
from macaw_cli.model.text.told_media import with_told
from macaw_cli.shards.joined_datasets import DatasetReader
from macaw_cli.shards.training_rows import SPLITS, ConversationRow


@dataclass(frozen=True)
class InstructionBlock:
    """The instructions of all media of one modality, in one block of memory."""

    ids: torch.Tensor
    """(L of all media,) int64."""
    lengths: tuple[int, ...]
    """L of each medium, in order of appearance."""

    def split(self) -> list[torch.Tensor]:
        """The instructions, as views."""
        return list(torch.split(self.ids, list(self.lengths)))


class InstructionSource:
    """Makes the instructions of examples.

    Args:
        dataset: holds their texts.
        config: of the model.
    """

    def __init__(self, dataset: DatasetReader, config: MacawConfig) -> None:
        self._dataset, self._config = dataset, config
        rows = (row for split in SPLITS for row in dataset.conversations(split))
        self._whole = {_place(row): [ref.modality for ref in row.media] for row in rows}

    def blocks(self, rows: Sequence[ConversationRow], *, pinned: bool) -> dict[Modality, InstructionBlock]:
        """The instructions of the media of a packed sequence, by modality.

        Args:
            rows: of its examples, with the media that stand in each.
            pinned: whether blocks lie in pinned memory.

        Raises:
            DamagedError: a shard is missing or cut.
        """
        found = [self._of(row) for row in rows]
        blocks: dict[Modality, InstructionBlock] = {}
        for name in self._config.instruction_tokenizers:
            media = [ids for row in found for ids in row.get(name, ())]
            if media:
                ids = torch.tensor([one for each in media for one in each], dtype=torch.int64)
                blocks[name] = InstructionBlock(ids.pin_memory() if pinned else ids, tuple(map(len, media)))
        return blocks

    def _of(self, row: ConversationRow) -> OwnInstructions:
        names = [ref.modality for ref in row.media]
        if self._config.instruction_tokenizers.keys().isdisjoint(names):
            return {}
        messages = with_told(self._dataset.messages(row), row.told, self._dataset.text_use)
        # an example that ends with an earlier answer has the first media of its conversation, and the same turns
        found = own_instructions(self._config, messages, self._whole[_place(row)])
        return {name: media[: names.count(name)] for name, media in found.items()}


def _place(row: ConversationRow) -> tuple[int, str, int]:
    return row.dataset, row.shard, row.offset
