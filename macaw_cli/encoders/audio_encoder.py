"""What the encoders of sound share: windows, and what their settings may ask for."""

import math
from typing import Any

import numpy as np

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.selection import refuse, wanted_layers

WINDOW_SECONDS = 30.0
"""The longest sound that an encoder without a length of its own hears at once; its attention is quadratic."""
SHORTEST_SECONDS = 0.1
"""Shorter sounds are filled with silence: the convolutions need some samples to stand on."""


class AudioEncoder(FrozenEncoder):
    """Mono fp32 waveforms (samples,) to (tokens, width)."""

    section = "audio_encoder"

    @property
    def sampling_rate(self) -> int:  # type: ignore[override]
        """Samples per second that `prepare` expects."""
        return int(self.processor.sampling_rate)

    @property
    def max_seconds(self) -> float:  # type: ignore[override]
        """Length of one window; what is longer is cut there, or goes on in further windows."""
        return window_seconds(self.processor)

    @classmethod
    def check(cls, config: Any, settings: EncoderSettings) -> None:
        """Refuse settings that are about pictures.

        Raises:
            UsageError: naming the setting.
        """
        if settings.cls != "drop":
            refuse(cls.section, "cls", "drop, for sounds have no class token", settings.cls)
        if settings.image_size:
            refuse(cls.section, "image_size", "null, for sounds have none", settings.image_size)
        if settings.pool and settings.pool != "mean" and not settings.pool.isdigit():
            refuse(cls.section, "pool", "mean or a number of tokens such as 500", settings.pool)


def pooled_count(positions: int, settings: EncoderSettings) -> int:
    """Tokens that are made of so many positions, over all layers."""
    if settings.pool:
        positions = 1 if settings.pool == "mean" else min(int(settings.pool), positions)
    return positions * len(wanted_layers(settings))


def window_seconds(processor: Any) -> float:
    """Length of one window: the feature extractor's own (Whisper's), or 30 s."""
    return float(getattr(processor, "chunk_length", None) or WINDOW_SECONDS)


def cut_windows(sound: np.ndarray, processor: Any, most: int = 1) -> list[np.ndarray]:
    """Consecutive windows of a sound: as many as it needs, at most `most`; the last one may be shorter."""
    samples = round(window_seconds(processor) * processor.sampling_rate)
    count = min(most, max(1, math.ceil(len(sound) / samples)))
    return [sound[first : first + samples] for first in range(0, count * samples, samples)]


def long_enough(sound: np.ndarray, processor: Any) -> np.ndarray:
    """The sound, cut to one window and filled with silence up to the shortest that can be heard."""
    sound = sound[: round(window_seconds(processor) * processor.sampling_rate)]
    missing = round(SHORTEST_SECONDS * processor.sampling_rate) - len(sound)
    return np.pad(sound, (0, missing)) if missing > 0 else sound
