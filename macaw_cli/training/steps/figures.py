"""What is found out about the losses of a step beside their sum, and what follows from it."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch

from macaw_cli.training.data.reader import StepBatch


class StepFigures(Protocol):
    """Goes along with the sequences of each step: weights of their losses, or parts that are told one by one."""

    def tokens(self, batch: StepBatch, device: torch.device) -> Any:
        """What the forward pass of a sequence is given and fills: `losses` of its targets, whose sum is the loss."""

    def sums(self, tokens: Any, batch: StepBatch) -> torch.Tensor:
        """What `update` needs of a sequence after its forward pass: (n,) fp64, n the same for all."""

    def update(self, sums: Sequence[Sequence[float]], targets: int) -> dict[str, float]:
        """Take notice of a step that changed the weights.

        Args:
            sums: of its sequences over all ranks, in the order of the plan.
            targets: of the step.

        Returns:
            Losses that are told beside their sum, by name.
        """

    def row(self) -> dict[str, Any]:
        """What a row of metrics.jsonl holds of it."""

    def state(self) -> dict[str, Any]:
        """For checkpoints, as `Progress.loss_weights`."""
