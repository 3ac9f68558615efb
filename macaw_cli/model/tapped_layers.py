"""Features that hold the tokens of several layers of an encoder, of which the bridge reads the last alone."""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import UsageError
from macaw_cli.config.injections.deepstack import DeepstackSettings
from macaw_cli.modalities.table import ENCODER_OF, Modality

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig


def layers_in_features(config: "MacawConfig", modality: Modality) -> int:
    """Layers whose tokens the features of a medium hold one after another, as far as the model tells them apart."""
    settings = config.injection_settings
    of_images = ENCODER_OF.get(modality) == "image"
    return settings.layers if of_images and isinstance(settings, DeepstackSettings) else 1


def bridge_shape(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> tuple[int, ...]:
    """What of features of this shape, (N, C) or (F, N, C), the bridge reads.

    Raises:
        UsageError: the tokens are not those of so many layers.
    """
    layers = layers_in_features(config, modality)
    if layers > 1:
        _require_layers(config, modality, layers, "The injection deepstack", "injection.layers")
    *frames, tokens, channels = shape
    if tokens % layers:
        raise UsageError(
            f"{modality.capitalize()} features of shape {tuple(shape)} do not hold the tokens of {layers} layers, as "
            "injection.layers says.",
            "Set injection.layers to the number of layers in features.image_encoder.layer.",
        )
    return (*frames, tokens // layers, channels)


def require_bridge_layers(config: "MacawConfig", modality: Modality, layers: int | None, key: str) -> None:
    """Refuse features of other layers than a bridge reads.

    Args:
        config: of the model.
        modality: of the bridge.
        layers: whose tokens the bridge reads one after another; None reads any.
        key: of the setting that says so; empty where the design does.

    Raises:
        UsageError: with both numbers.
    """
    if layers is not None and layers_in_features(config, modality) == 1:  # else it reads the last one of them
        name = config.bridge_settings(modality).name
        _require_layers(config, modality, layers, f"The {modality} bridge {name}", key)


def stored_layers(config: "MacawConfig", modality: Modality) -> int | None:
    """Layers of the encoder whose tokens the features hold, as their fingerprint says; None where it does not."""
    layer = config.fingerprints.get(modality, {}).get("layer")
    return len(layer) if isinstance(layer, list | tuple) else None if layer is None else 1


def _require_layers(config: "MacawConfig", modality: Modality, wanted: int, reader: str, key: str) -> None:
    stored = stored_layers(config, modality)
    if stored is None or stored == wanted:
        return
    found, section = config.fingerprints[modality]["layer"], f"features.{ENCODER_OF[modality]}_encoder.layer"
    example = [*range(-wanted, 0)] if wanted > 1 else -1
    again = f"extract the features with {counted(wanted, 'layer')}, such as --set '{section}={example}'"
    other = f"Set {key} to {stored}" if key == "bridge.layers" or (key and stored > 1) else "Choose another design"
    raise UsageError(
        f"{reader} reads {modality} features of {counted(wanted, 'layer')}{f' ({key})' if key else ''}, but these hold "
        f"{counted(stored, 'layer')} ({section}={found}).",
        f"{other}, or {again}.",
    )


def layer_tokens(config: "MacawConfig", modality: Modality, features: Tensor) -> tuple[Tensor, ...]:
    """The tokens of each layer, (N, C) or (F, N, C); the last ones are the bridge's."""
    return features.chunk(layers_in_features(config, modality), dim=-2)


def bridge_config(config: "MacawConfig") -> "MacawConfig":
    """The configuration with the shapes that bridges read."""
    if not isinstance(config.injection_settings, DeepstackSettings):
        return config
    own = copy.copy(config)
    own.feature_shapes = {name: [*bridge_shape(config, name, shape)] for name, shape in config.feature_shapes.items()}
    return own
