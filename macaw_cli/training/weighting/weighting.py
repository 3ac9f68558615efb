"""What every mode of `training.loss_weights` is: weights of groups of examples, and what a step changes about them.

A group is the examples with media of the same modalities. The loss of a step is the sum of weight x -log p over its
supervised tokens, divided by their number. Weights are plain numbers that every rank holds and changes alike, from
sums over all ranks: nothing of them is sharded by ZeRO, and a checkpoint keeps them as JSON.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class GroupFigures:
    """What one optimizer step found out about the examples of one group, over all ranks.

    Attributes:
        loss: mean -log p of its supervised tokens, not weighted.
        gradient: root of the mean squared length of the gradient of a token's -log p at its logits.
    """

    loss: float
    gradient: float


class LossWeighting(ABC, Generic[Settings]):
    """The weights of one mode.

    Args:
        settings: of the mode.
        groups: names of the groups, see `groups.LossGroups`.
    """

    def __init__(self, settings: Settings, groups: Sequence[str]) -> None:
        self.settings = settings
        self.groups = tuple(groups)

    @abstractmethod
    def weights(self) -> dict[str, float]:
        """Group to the factor of its losses in the next step."""

    @abstractmethod
    def update(self, figures: Mapping[str, GroupFigures]) -> None:
        """Change the weights after a step; groups without a supervised token in it are not in `figures`."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What a checkpoint must keep, as JSON."""

    @abstractmethod
    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`; an empty one is that of a new run."""
