"""Media of noise, the same in every process: what an export is proved with."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from macaw_cli.modalities.table import TABLE

SEED = 2306_09093
IMAGE_SIDE = 48
"""Pixels; the image processor brings them to the encoder's own size."""
QUESTION = "What do you see and hear?"

MOST_TOKENS = 16
"""Tokens of the random features of a modality without an encoder, at most."""


def sample_media(config: Any, sampling_rate: int) -> dict[str, NDArray[Any]]:
    """One raw medium per modality of the model.

    Args:
        config: the model's configuration.
        sampling_rate: of the audio, in Hz.

    Returns:
        Modality to an image (H, W, 3) uint8, a video (F, H, W, 3) uint8 or one second of audio (samples,) fp32;
        without an encoder features (N, C) fp32.
    """
    dice = np.random.default_rng(SEED)
    media: dict[str, NDArray[Any]] = {}
    for modality in config.modalities:
        if TABLE[modality].encoder is None:
            tokens, channels = TABLE[modality].shape_in(config.fingerprints.get(modality, {}))
            media[modality] = dice.standard_normal((min(tokens, MOST_TOKENS), channels)).astype(np.float32)
        elif modality == "audio":
            media[modality] = dice.uniform(-0.5, 0.5, sampling_rate).astype(np.float32)
        else:
            frames = (config.video_frames,) if modality == "video" else ()
            media[modality] = dice.integers(0, 256, (*frames, IMAGE_SIDE, IMAGE_SIDE, 3), np.uint8)
    return media
