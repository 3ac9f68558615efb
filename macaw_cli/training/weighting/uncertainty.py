"""Weights e^-s, where s is learned.

The objective is the sum over groups of e^-s L + s/2, with L the mean loss of a group. For a constant L it is least
where e^s = 2 L: every group then contributes the same, 1/2.

Source: Kendall, Gal and Cipolla, Multi-Task Learning Using Uncertainty to Weigh Losses (arXiv 1705.07115, section 3.2,
equation 10), with s the logarithm of the squared scale.
"""

import math
from collections.abc import Mapping
from typing import Any

from macaw_cli.config.loss_weights.uncertainty import UncertaintyLossWeights
from macaw_cli.training.weighting.weighting import GroupFigures, LossWeighting


class UncertaintyWeighting(LossWeighting[UncertaintyLossWeights]):
    """See `UncertaintyLossWeights`; every s begins at 0, so that every weight begins at 1."""

    _s: dict[str, float]

    def weights(self) -> dict[str, float]:
        """Group to weight."""
        return {group: math.exp(-self._s[group]) for group in self.groups}

    def update(self, figures: Mapping[str, GroupFigures]) -> None:
        """One step of gradient descent of s, not beyond what is best for the loss of this step."""
        for group, found in figures.items():
            s = self._s[group]
            moved = s - self.settings.learning_rate * gradient(s, found.loss)
            if found.loss > 0:
                best = math.log(2 * found.loss)
                moved = min(moved, max(s, best)) if best > s else max(moved, min(s, best))
            self._s[group] = moved

    def state(self) -> dict[str, Any]:
        """Every s."""
        return {"s": dict(self._s)}

    def load(self, state: Mapping[str, Any]) -> None:
        """See `LossWeighting.load`."""
        self._s = dict.fromkeys(self.groups, 0.0) | state.get("s", {})


def gradient(s: float, loss: float) -> float:
    """Of e^-s L + s/2 with respect to s."""
    return 0.5 - math.exp(-s) * loss
