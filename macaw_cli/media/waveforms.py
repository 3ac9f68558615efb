"""An audio file as it was decoded, what is wanted of one, and its channels made one."""

import math
from dataclasses import dataclass

import numpy as np

_MARGIN_S = 0.1
"""Audio read around a clip, so that the resampler's edges do not fall inside."""
_CANCELLED = 0.01
"""Channels cancel each other out where their mean has less than this share of their power (-20 dB)."""


@dataclass(frozen=True, slots=True)
class DecodedAudio:
    """Mono samples (n,) fp32 at `rate` per second, the `first` of the file's.

    `duration` is that of the whole file in seconds; `warning` says what is wrong with samples that can be used.
    """

    samples: np.ndarray
    rate: int
    duration: float
    first: int = 0
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """What is wanted of an audio file: the seconds from `start` to `end`, to be resampled to `rate`."""

    start: float
    end: float
    rate: int

    def samples(self, rate: int) -> tuple[int, int | None]:
        """First and last sample to read of an audio file at `rate`, None: to its end.

        The first one falls together with a sample at the wanted rate: resampling then gives the same values as for
        the whole audio.
        """
        step = rate // math.gcd(rate, self.rate)
        first = max(0, int((self.start - _MARGIN_S) * rate) // step * step)
        return first, None if self.end == math.inf else max(first, math.ceil(self.read_to * rate))

    @property
    def read_to(self) -> float:
        """Up to which second the file has to be read."""
        return self.end + _MARGIN_S


class Downmix:
    """Makes one channel of several: the mean, so that the level is the same whether audio was mono or stereo."""

    def __init__(self) -> None:
        self._given = self._kept = 0.0

    def mono(self, channels: np.ndarray, *, measured: bool = True) -> np.ndarray:
        """(channels, n) to (n,); `measured` samples count for the warning."""
        mean = np.ascontiguousarray(channels.mean(axis=0, dtype=np.float32))
        if measured and len(channels) > 1:
            self._kept += float(np.vdot(mean, mean))
            self._given += float(np.einsum("cn,cn->", channels, channels)) / len(channels)
        return mean

    @property
    def warning(self) -> str:
        """What to tell of the audio, or nothing."""
        if self._kept >= _CANCELLED * self._given:
            return ""
        return "The channels cancel each other out (left = -right): their mean, which is encoded, is nearly silent."


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """(n,) at `rate` to (m,) at `wanted` samples per second."""
    import soxr

    if rate == wanted or not len(samples):
        return samples
    return np.asarray(soxr.resample(samples, rate, wanted, quality="HQ"), dtype=np.float32)
