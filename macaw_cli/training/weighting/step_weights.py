"""The weights of the losses in the steps of a stage: given to each sequence, and changed after each step."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from macaw_cli.config.loss_weights.modes import LossWeights
from macaw_cli.model.packing.token_weights import TokenWeights
from macaw_cli.shards.training_rows import ConversationRow
from macaw_cli.training.data.reader import StepBatch
from macaw_cli.training.weighting.groups import LossGroups
from macaw_cli.training.weighting.modes import new_weighting
from macaw_cli.training.weighting.weighting import LossWeighting


class StepWeights:
    """Weights of tokens by their example's group.

    Args:
        weighting: the mode.
        groups: of the run's examples.
    """

    def __init__(self, weighting: LossWeighting[Any], groups: LossGroups) -> None:
        self._weighting, self._groups = weighting, groups

    @property
    def of_examples(self) -> np.ndarray:
        """(examples,) number of each one's group."""
        return self._groups.of_examples

    def tokens(self, batch: StepBatch, device: torch.device) -> TokenWeights:
        """The weights of a sequence's supervised tokens in this step."""
        assert batch.groups is not None
        weights = self._weighting.weights()
        table = torch.tensor([weights[name] for name in self._groups.names], dtype=torch.float32)
        return TokenWeights(table[batch.groups].to(device, non_blocking=True))

    def sums(self, tokens: TokenWeights, batch: StepBatch) -> torch.Tensor:
        """What `update` needs of a sequence after its forward pass, see `LossGroups.sums`."""
        assert batch.groups is not None
        return self._groups.sums(tokens, batch.groups.to(tokens.weights.device, non_blocking=True))

    def update(self, sums: Sequence[Sequence[float]], targets: int = 0) -> dict[str, float]:
        """Change the weights after a step; see `StepFigures.update`.

        Args:
            sums: of its sequences over all ranks, in the order of the plan.
            targets: not needed.
        """
        self._weighting.update(self._groups.figures(sums))
        return {}

    def row(self) -> dict[str, Any]:
        """What a row of metrics.jsonl holds of it: the weights of the next step."""
        return {"loss_weights": {name: round(weight, 6) for name, weight in self._weighting.weights().items()}}

    def state(self) -> dict[str, Any]:
        """For checkpoints."""
        return self._weighting.state()


def step_weights(
    settings: LossWeights, rows: Sequence[ConversationRow], state: Mapping[str, Any]
) -> StepWeights | None:
    """The weights of a run that is new or goes on; None where nothing is weighted.

    Args:
        settings: `training.loss_weights`.
        rows: the conversation of every example.
        state: what a checkpoint kept of the weights; empty in a new run.
    """
    if settings.mode == "none":
        return None
    groups = LossGroups(rows)
    return StepWeights(new_weighting(settings, groups.names, state), groups)
