"""The modes of `training.loss_weights` by name, and the setting, which is one of them."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Tag

from macaw_cli.config.loss_weights.fixed import FixedLossWeights
from macaw_cli.config.loss_weights.gradnorm import GradNormLossWeights
from macaw_cli.config.loss_weights.mixture import MixtureLossWeights
from macaw_cli.config.loss_weights.none import NoLossWeights
from macaw_cli.config.loss_weights.uncertainty import UncertaintyLossWeights
from macaw_cli.config.named_designs import require_design
from macaw_cli.config.setting_types import TAG, ShortForm

LossWeights = NoLossWeights | FixedLossWeights | UncertaintyLossWeights | GradNormLossWeights | MixtureLossWeights
MODES: dict[str, type[LossWeights]] = {
    "none": NoLossWeights,
    "fixed": FixedLossWeights,
    "uncertainty": UncertaintyLossWeights,
    "gradnorm": GradNormLossWeights,
    "mixture": MixtureLossWeights,
}
DEFAULT, KEY = "none", "mode"
_TAG = f"{TAG}loss_weights/"  # an injection has a tag "none" too
LOSS_WEIGHT_FORMS = {f"{_TAG}{name}": kind for name, kind in MODES.items()}
"""Tag to the settings that it stands for."""


class LossWeightsForm(ShortForm):
    """A mode given by its name alone; a name that no mode has is refused."""

    def __call__(self, value: Any) -> Any:
        """The section, as plain values."""
        section = super().__call__(value)
        require_design(section.get(KEY, DEFAULT) if isinstance(section, Mapping) else _mode(section), MODES, KEY)
        return section

    def chosen(self, section: dict[str, Any], value: Any) -> dict[str, Any]:
        """The section with another mode, whose options start with their defaults; with the same, the section."""
        return section if section.get(KEY, DEFAULT) == value else {KEY: value}


def _mode(value: Any) -> Any:
    return value.get(KEY, DEFAULT) if isinstance(value, Mapping) else getattr(value, KEY, DEFAULT)


AnyLossWeights = Annotated[
    Annotated[NoLossWeights, Tag(f"{_TAG}none")]
    | Annotated[FixedLossWeights, Tag(f"{_TAG}fixed")]
    | Annotated[UncertaintyLossWeights, Tag(f"{_TAG}uncertainty")]
    | Annotated[GradNormLossWeights, Tag(f"{_TAG}gradnorm")]
    | Annotated[MixtureLossWeights, Tag(f"{_TAG}mixture")],
    Discriminator(lambda value: f"{_TAG}{_mode(value)}"),
    LossWeightsForm(KEY).validator(),
]
"""`training.loss_weights:` as it may be written; the mode alone is enough."""
