"""Frozen encoders inside a model, so that it takes raw media as well as stored features."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import CLIPVisionModelWithProjection, PreTrainedModel
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.settings import Modality
from macaw_cli.encoders import selection
from macaw_cli.model.configuration import MacawConfig

if TYPE_CHECKING:
    from macaw_cli.model.modeling import MacawForConditionalGeneration

RAW_INPUTS: dict[str, Modality] = {"pixel_values": "image", "pixel_values_videos": "video", "input_features": "audio"}
"""Name of a raw input to its modality."""


def image_encoder(config: MacawConfig) -> PreTrainedModel | None:
    """The image encoder with random weights, frozen; None where the configuration has none."""
    return _frozen(CLIPVisionModelWithProjection, config.image_encoder_config)


def audio_encoder(config: MacawConfig) -> PreTrainedModel | None:
    """The audio encoder with random weights, frozen; None where the configuration has none."""
    return _frozen(WhisperEncoder, config.audio_encoder_config)


def attach(
    model: "MacawForConditionalGeneration", image: PreTrainedModel | None, audio: PreTrainedModel | None
) -> None:
    """Make loaded encoders part of the model, frozen; they are saved with it.

    Args:
        model: changed in place, its configuration too.
        image: a `CLIPVisionModelWithProjection`, or None to leave that place as it is.
        audio: a `WhisperEncoder`, or None.
    """
    if image is not None:
        model.image_encoder, model.config.image_encoder_config = image.requires_grad_(False).eval(), image.config
    if audio is not None:
        model.audio_encoder, model.config.audio_encoder_config = audio.requires_grad_(False).eval(), audio.config


def keep_frozen(model: torch.nn.Module) -> None:
    """Encoders need no gradients and never leave evaluation mode; loading and `train` would change both."""
    for name in ("image_encoder", "audio_encoder"):
        encoder = getattr(model, name, None)
        if encoder is not None:
            encoder.requires_grad_(False).eval()


def features(model: "MacawForConditionalGeneration", **media: Any) -> dict[Modality, list[Tensor]]:
    """Features per modality, one tensor per medium, of what was given stored or raw.

    Args:
        model: with encoders where raw inputs are given.
        **media: `image_features` ..., `pixel_values` ..., as in `MacawForConditionalGeneration.forward`.

    Raises:
        MismatchError: a raw input without an encoder, or a medium given both ways.
    """
    found: dict[Modality, list[Tensor]] = {}
    for name, modality in RAW_INPUTS.items():
        raw, stored = media.get(name), media.get(f"{modality}_features")
        if raw is not None and stored is not None:
            raise MismatchError(f"Both {name} and {modality}_features were given.", "Give one of them.")
        if raw is not None:
            stored = encode(model, modality, raw)
        found[modality] = [] if stored is None else list(stored)
    return found


@torch.no_grad()
def encode(model: "MacawForConditionalGeneration", modality: Modality, raw: Tensor) -> Tensor:
    """Features of raw media through the attached encoder: (n, N, C), for video (n, F, N, C).

    Raises:
        MismatchError: the encoder is not attached.
    """
    encoder = model.audio_encoder if modality == "audio" else model.image_encoder
    if encoder is None:
        raise MismatchError(
            f"Raw {modality} input was given, but this model folder holds no {modality} encoder.",
            f"Give {modality}_features, or export the model with its encoders: macaw export.",
        )
    settings = model.config.encoder_settings(modality)
    raw = raw.to(device=model.device, dtype=next(encoder.parameters()).dtype)
    if modality == "audio":
        return selection.audio_features(encoder, raw, settings)
    if modality == "image":
        return selection.image_features(encoder, raw, settings)
    frames = selection.image_features(encoder, raw.flatten(0, 1), settings)
    return frames.view(*raw.shape[:2], *frames.shape[1:])


def _frozen(kind: type[PreTrainedModel], config: Any) -> PreTrainedModel | None:
    return None if config is None else kind._from_config(config).requires_grad_(False).eval()
