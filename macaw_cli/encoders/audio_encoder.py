"""What the encoders of audio share: windows, and what their settings may ask for."""

import math
from typing import Any

import numpy as np

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.selection import refuse, wanted_layers

WINDOW_SECONDS = 30.0
"""The longest audio that an encoder without a length of its own hears at once; its attention is quadratic."""
SHORTEST_SECONDS = 0.1
"""Shorter audio files are filled with silence: the convolutions need some samples to stand on."""


class AudioEncoder(FrozenEncoder):
    """Mono fp32 waveforms (samples,) to (tokens, hidden size)."""

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
        """Refuse settings that are about images.

        Raises:
            UsageError: naming the setting.
        """
        if settings.cls != "drop":
            refuse(cls.section, "cls", "drop, because audio has no class token", settings.cls)
        if settings.image_size:
            refuse(cls.section, "image_size", "null, because audio has no image size", settings.image_size)
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


def cut_windows(waveform: np.ndarray, processor: Any, most: int = 1) -> list[np.ndarray]:
    """Consecutive windows of an audio file: as many as it needs, at most `most`; the last one may be shorter."""
    samples = round(window_seconds(processor) * processor.sampling_rate)
    count = min(most, max(1, math.ceil(len(waveform) / samples)))
    return [waveform[first : first + samples] for first in range(0, count * samples, samples)]


def long_enough(waveform: np.ndarray, processor: Any) -> np.ndarray:
    """The audio, cut to one window and filled with silence up to the shortest that can be heard."""
    waveform = waveform[: round(window_seconds(processor) * processor.sampling_rate)]
    missing = round(SHORTEST_SECONDS * processor.sampling_rate) - len(waveform)
    return np.pad(waveform, (0, missing)) if missing > 0 else waveform
