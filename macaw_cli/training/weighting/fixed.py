"""Weights that stay as the settings give them."""

from collections.abc import Mapping
from typing import Any

from macaw_cli.config.loss_weights.fixed import FixedLossWeights
from macaw_cli.training.weighting.weighting import GroupFigures, LossWeighting


class FixedWeighting(LossWeighting[FixedLossWeights]):
    """See `FixedLossWeights`."""

    def weights(self) -> dict[str, float]:
        """Group to weight."""
        return {group: self.settings.weights.get(group, 1.0) for group in self.groups}

    def update(self, figures: Mapping[str, GroupFigures]) -> None:
        """Nothing changes."""

    def state(self) -> dict[str, Any]:
        """Nothing to keep."""
        return {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Nothing to read."""
