"""Frozen encoders inside a model, so that it takes raw media as well as stored features."""

from collections.abc import Sequence
from itertools import chain, islice
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from macaw_cli.basics.errors import MismatchError
from macaw_cli.encoders.selection import pool_frames
from macaw_cli.encoders.views import viewed
from macaw_cli.modalities.table import TABLE, Modality
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.raw_media import ANSWERS, LENGTHS, architecture, stacked
from macaw_cli.model.text.own_instructions import KEYWORDS

_ADDED = [row for row in TABLE.values() if not row.original]
ADDED_INPUTS = (
    ANSWERS, *KEYWORDS.values(), *(row.features_keyword for row in _ADDED),
    *(row.raw_keyword for row in _ADDED if row.raw_keyword),
)  # fmt: skip
"""What the model takes as further keywords: `ANSWERS`, instructions of bridges with a tokenizer of their own, and
features and raw media of what is not one of the three."""


def image_encoder(config: MacawConfig) -> PreTrainedModel | None:
    """The image encoder with random weights, frozen; None where the configuration has none."""
    return _built(config, "image")


def audio_encoder(config: MacawConfig) -> PreTrainedModel | None:
    """The audio encoder with random weights, frozen; None where the configuration has none."""
    return _built(config, "audio")


def attach(
    model: Any, image: PreTrainedModel | None, audio: PreTrainedModel | None
) -> None:
    """Make loaded encoders part of the model, frozen; they are saved with it.

    Args:
        model: a MacawForConditionalGeneration, changed in place, its configuration too.
        image: the `model` of a `FrozenEncoder`, or None to leave that place as it is.
        audio: the same for audio.
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


def features(model: Any, **media: Any) -> dict[Modality, list[Tensor]]:
    """Features per modality, one tensor per medium, of what was given stored or raw.

    Args:
        model: a MacawForConditionalGeneration, with encoders where raw inputs are given.
        **media: `image_features` ..., `pixel_values` ..., as in `MacawForConditionalGeneration.forward`.

    Raises:
        MismatchError: a raw input without an encoder, or a medium given both ways.
    """
    found: dict[Modality, list[Tensor]] = {}
    for modality, row in TABLE.items():
        name = row.raw_keyword
        raw, stored = media.get(name), media.get(row.features_keyword)
        if stored is None and modality not in model.config.placed_modalities:
            continue  # a package that was installed after the model was made adds it
        if raw is not None and stored is not None:
            raise MismatchError(f"Both {name} and {modality}_features were given.", "Give one of them.")
        if raw is not None:
            lengths = media.get(LENGTHS) if modality == "audio" else None
            stored = encode(model, modality, raw, None if lengths is None else lengths.tolist())
        found[modality] = [] if stored is None else list(stored)
    return found


@torch.no_grad()
def encode(
    model: Any, modality: Modality, raw: Any, lengths: Sequence[int] | None = None
) -> list[Tensor]:
    """Features of raw media through the attached encoder, after the model's view: (N, C) each, of a video (F, N, C).

    Args:
        model: with the encoder.
        modality: of the media.
        raw: one tensor over all media, or a list of one tensor per medium; a list of windows per medium for audio that
            is encoded in several windows.
        lengths: samples of each audio input, where the model reads only the tokens before the end of the audio.

    Raises:
        MismatchError: the encoder is not attached, or `lengths` are needed and not given, one per audio input.
    """
    if (model.audio_encoder if modality == "audio" else model.image_encoder) is None:
        raise MismatchError(
            f"Raw {modality} input was given, but this model folder holds no {modality} encoder.",
            f"Give {modality}_features, or export the model with its encoders: macaw export.",
        )
    view, seconds = model.config.raw_view(modality), [None] * len(raw)
    if view.trim is not None:
        if lengths is None or len(lengths) != len(raw):
            raise MismatchError(
                f"Received {len(raw)} audio inputs and {len(lengths or [])} {LENGTHS}. This model needs the length of "
                "each "
                "audio input: it reads only the tokens before the end.",
                f"Pass everything that the processor returns, {LENGTHS} included.",
            )
        seconds = [length / view.trim.sampling_rate for length in lengths]
    media = _media(model, modality, raw)
    return [viewed(view, medium, length) for medium, length in zip(media, seconds, strict=True)]


def _media(model: Any, modality: Modality, raw: Any) -> list[Tensor]:
    """What the encoder makes of each medium, padding included."""
    if TABLE[modality].is_image:
        return _encoded(model, modality, list(raw))
    if modality == "audio":
        raw = [medium if isinstance(medium, list) else [medium] for medium in raw]
    encoded = iter(_encoded(model, modality, list(chain(*raw))))
    parts = [list(islice(encoded, len(medium))) for medium in raw]
    if modality == "audio":
        return [torch.cat(windows) for windows in parts]
    return [pool_frames(frames, model.config.pool_frames) for frames in parts]


def _encoded(model: Any, modality: Modality, prepared: list[Tensor]) -> list[Tensor]:
    """Features of single images, frames or windows."""
    encoder: Any = model.audio_encoder if modality == "audio" else model.image_encoder
    target: Any = {"device": model.device, "dtype": next(encoder.parameters()).dtype}
    inputs = stacked([one.to(**target) for one in prepared])
    select = architecture(model.config, modality).select
    return list(select(encoder, inputs, model.config.encoder_settings(modality)))


def _built(config: MacawConfig, modality: Modality) -> PreTrainedModel | None:
    encoder_config = config.encoder_config(modality)
    if encoder_config is None:
        return None
    kind = architecture(config, modality).module(encoder_config)
    made: PreTrainedModel = kind._from_config(encoder_config).requires_grad_(False).eval()
    return made
