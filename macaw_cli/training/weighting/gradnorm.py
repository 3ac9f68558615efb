"""Weights that level the gradients of the groups.

G_i = w_i g_i is the size of a group's weighted gradient. It should be mean(G) r_i^alpha, where r_i is how much of its
first loss a group still has, relative to the others: w descends the sum of |G_i - mean(G) r_i^alpha|, the right-hand
side taken as constant, and is then scaled so that the weights are 1 on average.

Source: GradNorm (Chen et al., arXiv 1711.02257, section 3, algorithm 1). It takes g_i at the weights of the last shared
layer, one backward pass per group. Here g_i is taken at the logits, where the gradient of every token is known from the
loss itself: its root mean square over the tokens of the group. This costs no pass, and is the same under ZeRO, with
packing, and with a frozen LLM.
"""

import math
from collections.abc import Mapping
from typing import Any

from macaw_cli.config.loss_weights.gradnorm import GradNormLossWeights
from macaw_cli.training.weighting.weighting import GroupFigures, LossWeighting

LEAST = 1e-3
"""No weight falls below this: a weight of zero would end what the group learns."""
TINY = 1e-12


class GradNormWeighting(LossWeighting[GradNormLossWeights]):
    """See `GradNormLossWeights`; every weight begins at 1."""

    _weights: dict[str, float]
    _first: dict[str, float]
    """Loss of each group in the first step that had it."""

    def weights(self) -> dict[str, float]:
        """Group to weight; 1 on average."""
        return dict(self._weights)

    def update(self, figures: Mapping[str, GroupFigures]) -> None:
        """One step of descent, for the groups that the step had."""
        for group, found in figures.items():
            self._first.setdefault(group, max(found.loss, TINY))
        if len(figures) < 2:
            return
        left = {group: found.loss / self._first[group] for group, found in figures.items()}
        mean_left = max(math.fsum(left.values()) / len(left), TINY)
        sizes = {group: self._weights[group] * found.gradient for group, found in figures.items()}
        mean_size = math.fsum(sizes.values()) / len(sizes)
        mean_gradient = max(math.fsum(found.gradient for found in figures.values()) / len(figures), TINY)
        for group, found in figures.items():
            wanted = mean_size * (left[group] / mean_left) ** self.settings.alpha
            slope = math.copysign(found.gradient / mean_gradient, sizes[group] - wanted)
            self._weights[group] = max(self._weights[group] - self.settings.learning_rate * slope, LEAST)
        factor = len(self._weights) / math.fsum(self._weights.values())
        self._weights = {group: weight * factor for group, weight in self._weights.items()}

    def state(self) -> dict[str, Any]:
        """Weights and first losses."""
        return {"weights": dict(self._weights), "first": dict(self._first)}

    def load(self, state: Mapping[str, Any]) -> None:
        """See `LossWeighting.load`."""
        self._weights = dict.fromkeys(self.groups, 1.0) | state.get("weights", {})
        self._first = dict(state.get("first", {}))
