"""Which of an encoder's outputs becomes the feature: pure, shared by extraction and by the model's raw inputs."""

from typing import Any

import torch
from torch import Tensor, nn

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.feature_settings import EncoderSettings


def image_features(vision_model: nn.Module, pixel_values: Tensor, settings: EncoderSettings) -> Tensor:
    """Features of images from a CLIP vision tower, with or without projection.

    The published model's choice is the default: the last hidden state without post-layernorm, class token dropped,
    `visual_projection` applied to every token.

    Args:
        vision_model: `CLIPVisionModelWithProjection` or `CLIPVisionModel`.
        pixel_values: (n, 3, H, W), preprocessed.
        settings: layer, class token, post-layernorm, projection and L2.

    Returns:
        (n, tokens, channels), in the model's own number format.

    Raises:
        UsageError: the encoder has no such layer.
    """
    tower: Any = getattr(vision_model, "vision_model", vision_model)
    if settings.layer == -1:
        tokens = tower(pixel_values).last_hidden_state
    else:
        states = tower(pixel_values, output_hidden_states=True).hidden_states
        tokens = states[_checked_layer(settings.layer, len(states), "image_encoder")]
    if settings.cls == "drop":
        tokens = tokens[:, 1:]
    elif settings.cls == "only":
        tokens = tokens[:, :1]
    if settings.post_layernorm:
        tokens = tower.post_layernorm(tokens)
    projection: Any = getattr(vision_model, "visual_projection", None)
    if settings.projection and projection is not None:
        tokens = projection(tokens)
    return _normalised(tokens, settings)


def audio_features(audio_model: nn.Module, input_features: Tensor, settings: EncoderSettings) -> Tensor:
    """Features of sound from a Whisper encoder.

    The last layer (-1) comes after the encoder's final layer norm, as Whisper's own decoder sees it; an earlier layer
    comes as it is, or through that norm with `post_layernorm`.

    Args:
        audio_model: `WhisperEncoder`.
        input_features: (n, mel bins, steps) log-mel spectrograms.
        settings: layer, post-layernorm and L2; class token and projection do not apply.

    Returns:
        (n, tokens, channels), in the model's own number format.

    Raises:
        UsageError: the encoder has no such layer.
    """
    if settings.layer == -1:
        return _normalised(audio_model(input_features).last_hidden_state, settings)
    states = audio_model(input_features, output_hidden_states=True).hidden_states
    tokens = states[_checked_layer(settings.layer, len(states), "audio_encoder")]
    if settings.post_layernorm:
        final_norm: Any = audio_model.layer_norm
        tokens = final_norm(tokens)
    return _normalised(tokens, settings)


def _normalised(tokens: Tensor, settings: EncoderSettings) -> Tensor:
    return torch.nn.functional.normalize(tokens, dim=-1) if settings.l2 else tokens


def _checked_layer(layer: Any, count: int, section: str) -> int:
    if not -count <= layer < count:
        raise UsageError(
            f"`features.{section}.layer`: expected {-count} to {count - 1} (its hidden states), found {layer}."
        )
    return int(layer)
