"""The bridges by name, and how many soft tokens each makes of a feature shape."""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from macaw_cli.basics.errors import MismatchError, UsageError
from macaw_cli.basics.named_objects import named_object
from macaw_cli.basics.plug_ins import class_of_package
from macaw_cli.config.bridges.table import PACKAGES, TABLE
from macaw_cli.modalities.table import Modality
from macaw_cli.model.bridges.bridge import Bridge
from macaw_cli.model.tapped_layers import bridge_config, bridge_shape, require_bridge_layers

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig


def bridge_class(name: str) -> type[Bridge]:
    """The class behind a name of the table, imported on use.

    Raises:
        UsageError: the package that adds it names no class that can be used.
    """
    place = TABLE[name].module
    package = PACKAGES.get(name)
    found: Any = class_of_package(place, Bridge, f"the bridge {name}", package) if package else named_object(place)
    checked: type[Bridge] = found
    return checked


def build_bridge(config: "MacawConfig", modality: Modality) -> Bridge:
    """A bridge with initial weights for one modality.

    Raises:
        UsageError: the sizes in `config` do not fit the design.
    """
    kind = bridge_class(config.bridge_settings(modality).name)
    require_bridge_layers(config, modality, *kind.layers_read(config, modality))
    return kind.from_config(bridge_config(config), modality)


def read_instructions(config: "MacawConfig") -> bool:
    """Whether a bridge of the model reads what is asked about a medium."""
    kinds = {name: bridge_class(config.bridge_settings(name).name) for name in config.modalities}
    return any("instruction" in kind.needed(config, name) for name, kind in kinds.items())


def soft_token_count(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
    """Soft tokens of one medium, from the shape of its features alone.

    Args:
        config: a model's configuration.
        modality: of the medium.
        shape: (N, C), for video (F, N, C).

    Raises:
        MismatchError: the model has no bridge for this modality, or one for other channels.
        UsageError: there are no feature tokens, or the bridge cannot make soft tokens of that shape.
    """
    if modality not in config.feature_shapes:
        raise MismatchError(
            f"This model has no {modality} bridge, only {', '.join(config.feature_shapes) or 'none'}.",
            f"Train it with {modality} features in the dataset.",
        )
    channels = config.feature_shapes[modality][-1]
    if shape[-1] != channels:
        raise MismatchError(
            f"The {modality} bridge takes features with {channels} channels, found {shape[-1]}.",
            "Extract the features with the encoder that the model was trained with.",
        )
    if prod(shape) < 1:
        raise UsageError(
            f"{modality.capitalize()} features of shape {tuple(shape)} hold no tokens.",
            "Remove this medium from the dataset, or extract its features again.",
        )
    own = bridge_shape(config, modality, shape)
    return bridge_class(config.bridge_settings(modality).name).soft_tokens(bridge_config(config), modality, own)
