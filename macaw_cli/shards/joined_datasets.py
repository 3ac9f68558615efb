"""Several datasets read as one: their rows behind each other, each read from the dataset that it came from."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Self

import numpy as np

from macaw_cli.basics.fingerprints import fingerprint
from macaw_cli.modalities.table import Modality
from macaw_cli.shards.encoder_match import require_same_encoders
from macaw_cli.shards.expert_texts import require_same_experts
from macaw_cli.shards.told_media import TextUse
from macaw_cli.shards.training_dataset import FeatureView, TrainingDataset
from macaw_cli.shards.training_rows import ConversationRow, MediaRef, Split


class JoinedDatasets:
    """What `TrainingDataset` offers to those who train and evaluate, over several of them.

    Args:
        parts: the datasets; `TrainingDataset(folder, number)` with their places here as numbers.

    Raises:
        MismatchError: two of them were made with different encoders.
    """

    def __init__(self, parts: Sequence[TrainingDataset]) -> None:
        for one, other in combinations(parts, 2):
            require_same_encoders(one.fingerprints, other.fingerprints, one.title, other.title)
            if one.text_use.names or other.text_use.names:
                require_same_experts(one.experts, other.experts, one.title, other.title)
        self.parts = tuple(parts)
        self.fingerprints: dict[str, dict[str, Any]] = {}
        for part in parts:
            self.fingerprints |= part.fingerprints
        self.hash = fingerprint([part.hash for part in parts])

    def __len__(self) -> int:
        """Number of conversations in both splits."""
        return sum(map(len, self.parts))

    @property
    def title(self) -> str:
        """Their name in messages."""
        return f"the datasets {', '.join(part.folder.name for part in self.parts)}"

    def viewed(self, views: Mapping[Modality, FeatureView]) -> Self:
        """See `TrainingDataset.viewed`."""
        return type(self)([part.viewed(views) for part in self.parts])

    @property
    def experts(self) -> list[dict[str, Any]]:
        """The experts whose texts all of them hold."""
        return self.parts[0].experts

    @property
    def text_use(self) -> TextUse:
        """See `TrainingDataset.told`: all are read in the same way."""
        return self.parts[0].text_use

    def conversations(self, split: Split, *, whole: bool = False) -> list[ConversationRow]:
        """All conversations of `split`, dataset by dataset; see `TrainingDataset.conversations`."""
        return [row for part in self.parts for row in part.conversations(split, whole=whole)]

    def conversation(self, row: ConversationRow) -> dict[str, Any]:
        """See `TrainingDataset.conversation`."""
        return self.parts[row.dataset].conversation(row)

    def messages(self, row: ConversationRow) -> list[dict[str, Any]]:
        """See `TrainingDataset.messages`."""
        return self.parts[row.dataset].messages(row)

    def features(self, ref: MediaRef) -> np.ndarray:
        """As `TrainingDataset.features`.

        Raises:
            DamagedError: the shard is missing or cut.
            MismatchError: the dataset was built anew since it was opened.
        """
        return self.parts[ref.dataset].features(ref)

    def null_features(self, modality: Modality) -> np.ndarray | None:
        """Those of the first dataset that has some: equal encoders make equal ones."""
        found = (part.null_features(modality) for part in self.parts)
        return next((features for features in found if features is not None), None)


DatasetReader = TrainingDataset | JoinedDatasets
"""One dataset, or several as one."""


def joined(parts: Sequence[TrainingDataset]) -> DatasetReader:
    """One dataset as it is, several as one.

    Raises:
        MismatchError: two of them were made with different encoders.
    """
    return parts[0] if len(parts) == 1 else JoinedDatasets(parts)
