"""The bridges by name, and how many soft tokens each makes of a feature shape."""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from macaw_cli.basics.errors import MismatchError
from macaw_cli.modalities.table import Modality
from macaw_cli.model.bridges.bridge import Bridge

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig

BRIDGES = {
    "frame-stack": "macaw_cli.model.bridges.frame_stack:FrameStackBridge",
    "linear": "macaw_cli.model.bridges.linear:LinearBridge",
    "macaw": "macaw_cli.model.bridges.macaw:MacawBridge",
    "mlp": "macaw_cli.model.bridges.mlp:MlpBridge",
}


def bridge_class(name: str) -> type[Bridge]:
    """The class behind a name in `BRIDGES`, imported on use."""
    module, _, attribute = BRIDGES[name].partition(":")
    found: type[Bridge] = getattr(import_module(module), attribute)
    return found


def build_bridge(config: "MacawConfig", modality: Modality) -> Bridge:
    """A bridge with initial weights for one modality.

    Raises:
        UsageError: the sizes in `config` do not fit the design.
    """
    return bridge_class(config.bridge_settings(modality).name).from_config(config, modality)


def read_instructions(config: "MacawConfig") -> bool:
    """Whether a bridge of the model reads what is asked about a medium."""
    return any("instruction" in bridge_class(config.bridge_settings(name).name).needs for name in config.modalities)


def soft_token_count(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
    """Soft tokens of one medium, from the shape of its features alone.

    Args:
        config: a model's configuration.
        modality: of the medium.
        shape: (N, C), for video (F, N, C).

    Raises:
        MismatchError: the model has no bridge for this modality, or one for other channels.
        UsageError: the bridge cannot make soft tokens of that shape.
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
    return bridge_class(config.bridge_settings(modality).name).soft_tokens(config, modality, shape)
