"""Weights softmax(a / temperature), where a is learned together with the model.

Minimising the sum of softmax(a)_i L_i alone drives a to the group whose loss has the smallest value, whatever there is
to learn elsewhere. So each loss is divided by its running mean, which is taken as constant, and the entropy of the
weights does not fall below a floor: where a step of a would take it there, a is drawn towards its mean.

Source: macaw's own.
"""

import math
from collections.abc import Mapping
from typing import Any

from macaw_cli.config.loss_weights.mixture import MixtureLossWeights
from macaw_cli.training.weighting.weighting import GroupFigures, LossWeighting

HALVINGS = 40
TINY = 1e-12


class MixtureWeighting(LossWeighting[MixtureLossWeights]):
    """See `MixtureLossWeights`; every weight begins at 1."""

    _a: dict[str, float]
    _means: dict[str, float]
    """Running mean of each group's loss."""

    def weights(self) -> dict[str, float]:
        """Group to weight; 1 on average."""
        return {group: len(self._a) * share for group, share in self._shares().items()}

    def update(self, figures: Mapping[str, GroupFigures]) -> None:
        """One step of gradient descent of a; a group that the step did not have counts with its mean."""
        relative = dict.fromkeys(self.groups, 1.0)
        for group, found in figures.items():
            before = self._means.get(group, found.loss)
            self._means[group] = self.settings.memory * before + (1 - self.settings.memory) * found.loss
            relative[group] = found.loss / max(self._means[group], TINY)
        shares = self._shares()
        mean = math.fsum(shares[group] * relative[group] for group in self.groups)
        rate = self.settings.learning_rate / self.settings.temperature
        for group in self.groups:
            self._a[group] -= rate * shares[group] * (relative[group] - mean)
        self._keep_entropy()

    def state(self) -> dict[str, Any]:
        """Every a, and the running means."""
        return {"a": dict(self._a), "means": dict(self._means)}

    def load(self, state: Mapping[str, Any]) -> None:
        """See `LossWeighting.load`."""
        self._a = dict.fromkeys(self.groups, 0.0) | state.get("a", {})
        self._means = dict(state.get("means", {}))

    def _shares(self) -> dict[str, float]:
        highest = max(self._a.values())
        powers = {group: math.exp((a - highest) / self.settings.temperature) for group, a in self._a.items()}
        total = math.fsum(powers.values())
        return {group: power / total for group, power in powers.items()}

    def _keep_entropy(self) -> None:
        """Draw a towards its mean until the entropy is at the floor, where it is below."""
        floor = self.settings.entropy_floor * math.log(len(self._a)) if len(self._a) > 1 else 0.0
        if entropy(self._shares()) >= floor:
            return
        moved, mean = dict(self._a), math.fsum(self._a.values()) / len(self._a)
        low, high = 0.0, 1.0
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            self._a = {group: mean + middle * (a - mean) for group, a in moved.items()}
            low, high = (middle, high) if entropy(self._shares()) >= floor else (low, middle)
        self._a = {group: mean + low * (a - mean) for group, a in moved.items()}


def entropy(shares: Mapping[str, float]) -> float:
    """Of shares that sum to 1, in nats."""
    return -math.fsum(share * math.log(share) for share in shares.values() if share > 0)
