"""Features that hold the tokens of several layers of an encoder, of which the bridge reads the last alone."""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

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
    *frames, tokens, channels = shape
    if tokens % layers:
        raise UsageError(
            f"{modality.capitalize()} features of shape {tuple(shape)} do not hold the tokens of {layers} layers, as "
            "injection.layers says.",
            "Set injection.layers to the number of layers in features.image_encoder.layer.",
        )
    return (*frames, tokens // layers, channels)


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
