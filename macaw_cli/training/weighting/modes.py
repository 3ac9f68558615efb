"""The modes of `training.loss_weights` by name."""

from collections.abc import Mapping, Sequence
from typing import Any

from macaw_cli.config.loss_weights.modes import LossWeights
from macaw_cli.training.weighting.fixed import FixedWeighting
from macaw_cli.training.weighting.gradnorm import GradNormWeighting
from macaw_cli.training.weighting.mixture import MixtureWeighting
from macaw_cli.training.weighting.uncertainty import UncertaintyWeighting
from macaw_cli.training.weighting.weighting import LossWeighting

WEIGHTINGS: dict[str, type[LossWeighting[Any]]] = {
    "fixed": FixedWeighting,
    "gradnorm": GradNormWeighting,
    "mixture": MixtureWeighting,
    "uncertainty": UncertaintyWeighting,
}


def new_weighting(settings: LossWeights, groups: Sequence[str], state: Mapping[str, Any]) -> LossWeighting[Any]:
    """The weights of a run that is new or goes on.

    Args:
        settings: `training.loss_weights`, of another mode than `none`.
        groups: names of the groups.
        state: what a checkpoint kept of them; empty in a new run.
    """
    weighting = WEIGHTINGS[settings.mode](settings, groups)
    weighting.load(state)
    return weighting
