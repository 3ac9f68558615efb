"""Which group each example belongs to, and what a step's sequences come to per group."""

import math
from collections.abc import Sequence
from itertools import starmap

import numpy as np
import torch

from macaw_cli.modalities.table import MODALITIES
from macaw_cli.model.packing.token_weights import TokenWeights
from macaw_cli.shards.training_rows import ConversationRow
from macaw_cli.training.weighting.weighting import GroupFigures

FIGURES = 3
"""Sums per group that the ranks tell each other."""


class LossGroups:
    """The groups of a run: `text`, `image`, `audio+video` and so on, by the modalities of the examples' media.

    Args:
        rows: the conversation of every example, in the order of their numbers.
    """

    def __init__(self, rows: Sequence[ConversationRow]) -> None:
        names = [group_name(row) for row in rows]
        self.names = tuple(sorted(set(names)))
        places = {name: place for place, name in enumerate(self.names)}
        self.of_examples = np.array([places[name] for name in names], dtype=np.int64)
        """(examples,) number of each one's group."""

    def sums(self, tokens: TokenWeights, groups: torch.Tensor) -> torch.Tensor:
        """(3 G,) fp64: of each group the summed loss, the tokens, and the summed squared gradients.

        Args:
            tokens: after the forward pass.
            groups: (n,) number of each supervised token's group.
        """
        assert tokens.losses is not None and tokens.squared_gradients is not None
        parts = torch.stack([tokens.losses, torch.ones_like(tokens.losses), tokens.squared_gradients]).double()
        sums = parts.new_zeros(FIGURES, len(self.names)).index_add_(1, groups, parts)
        return sums.flatten()

    def figures(self, sums: Sequence[Sequence[float]]) -> dict[str, GroupFigures]:
        """The figures of one step, of the groups that have a supervised token in it.

        Args:
            sums: of each sequence of the step, in the order of the plan, which is the same at any number of ranks.
        """
        columns = np.array(list(starmap(lambda *column: math.fsum(column), zip(*sums, strict=True))))
        losses, counts, squares = columns.reshape(FIGURES, -1).tolist()
        return {
            name: GroupFigures(loss / count, math.sqrt(square / count))
            for name, loss, count, square in zip(self.names, losses, counts, squares, strict=True)
            if count
        }


def group_name(row: ConversationRow) -> str:
    """The modalities of the example's media, a soundtrack's included, in the order of the table; `text` for none."""
    found = {ref.modality for ref in row.media}
    return "+".join(name for name in MODALITIES if name in found) or "text"
