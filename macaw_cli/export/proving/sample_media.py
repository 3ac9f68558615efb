"""Media of noise, the same in every process: what an export is proved with."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from macaw_cli.modalities.table import TABLE, Modality

SEED = 2306_09093
IMAGE_SIDE = 48
"""Pixels; the image processor brings them to the encoder's own size."""
QUESTION = "What do you see and hear?"

TOLD_FRAMES = 6
MOST_TOKENS = 16
"""Tokens of the random features of a modality without an encoder, at most."""


def sample_media(
    config: Any, sampling_rate: int, modalities: Sequence[Modality] | None = None
) -> dict[str, NDArray[Any]]:
    """One raw medium per modality of the model.

    Args:
        config: the model's configuration.
        sampling_rate: of the audio, in Hz.
        modalities: of the media; None for those that the model is fed.

    Returns:
        Modality to an image (H, W, 3) uint8, a video (F, H, W, 3) uint8 or one second of audio (samples,) fp32;
        without an encoder features (N, C) fp32.
    """
    dice = np.random.default_rng(SEED)
    media: dict[str, NDArray[Any]] = {}
    for modality in config.modalities if modalities is None else modalities:
        if TABLE[modality].encoder is None:
            tokens, channels = TABLE[modality].shape_in(config.fingerprints.get(modality, {}))
            media[modality] = dice.standard_normal((min(tokens, MOST_TOKENS), channels)).astype(np.float32)
        elif modality == "audio":
            media[modality] = dice.uniform(-0.5, 0.5, sampling_rate).astype(np.float32)
        else:
            frames = (frames_of(config),) if modality == "video" else ()
            media[modality] = dice.integers(0, 256, (*frames, IMAGE_SIDE, IMAGE_SIDE, 3), np.uint8)
    return media


def frames_of(config: Any) -> int:
    """Frames of a video that is shown to the model, or told by experts alone."""
    return int(config.video_frames) if "video" in config.modalities else TOLD_FRAMES
