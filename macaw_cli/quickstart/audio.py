"""Synthesis of the world's sounds: a few kinds of noises at three pitches, one to four times in a row."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from macaw_cli.quickstart.attributes import COUNTS, AudioContent

SECONDS = 2.0
"""Longest sound there is."""
HERTZ = {"low": (240.0, 400.0), "middle": (700.0, 1100.0), "high": (2000.0, 3000.0)}
HIGHEST_HERTZ = 7000.0
"""No partial lies above, so that 16 kHz can hold everything."""

Waveform = NDArray[Any]
Event = Callable[[float, int, int, np.random.Generator], Waveform]


def _beep(hertz: float, samples: int, rate: int, rng: np.random.Generator) -> Waveform:
    tone: Waveform = np.sin(2 * np.pi * hertz * np.arange(samples) / rate)
    return tone


def _buzz(hertz: float, samples: int, rate: int, rng: np.random.Generator) -> Waveform:
    time = np.arange(samples) / rate
    partials = [n for n in range(1, 12) if n * hertz < HIGHEST_HERTZ]
    tone: Waveform = sum((np.sin(2 * np.pi * n * hertz * time) / n**0.5 for n in partials), np.zeros(samples))
    flutter = 0.55 + 0.45 * np.sign(np.sin(2 * np.pi * rng.uniform(35, 45) * time))
    tone *= flutter / len(partials) ** 0.5
    return tone


def _chirp(hertz: float, samples: int, rate: int, rng: np.random.Generator) -> Waveform:
    sweep = hertz * np.linspace(0.65, 1.5, samples)
    return np.sin(2 * np.pi * np.cumsum(sweep) / rate)


def _click(hertz: float, samples: int, rate: int, rng: np.random.Generator) -> Waveform:
    time = np.arange(samples) / rate
    return np.sin(2 * np.pi * hertz * time) * np.exp(-time / 0.012)


def _noise(hertz: float, samples: int, rate: int, rng: np.random.Generator) -> Waveform:
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequencies = np.fft.rfftfreq(samples, 1 / rate)
    spectrum *= np.exp(-0.5 * (np.log2(np.maximum(frequencies, 1.0) / hertz) / 0.3) ** 2)
    noise = np.fft.irfft(spectrum, samples)
    return noise / max(float(np.abs(noise).max()), 1e-9)


EVENTS: dict[str, Event] = {"beep": _beep, "buzz": _buzz, "chirp": _chirp, "click": _click, "noise": _noise}


def synthesize(sound: AudioContent, rate: int, rng: np.random.Generator) -> Waveform:
    """The waveform of `sound`; see `synthesize_events`."""
    return synthesize_events([(sound.sound, sound.pitch)] * (COUNTS.index(sound.count) + 1), rate, rng)


def synthesize_events(events: Sequence[tuple[str, str]], rate: int, rng: np.random.Generator) -> Waveform:
    """One event after the other; length, times, exact pitches, volume and background at random.

    Args:
        events: (sound, pitch) of each; equal pitches are exactly equal.
        rate: samples per second.
        rng: source of everything that is left open.

    Returns:
        float32 of shape (samples,), within -1..1, at most SECONDS long.
    """
    count = len(events)
    seconds = rng.uniform(1.75, SECONDS)
    period = rng.uniform(0.34, min(0.46, (seconds - 0.1) / count))
    length = rng.uniform(0.13, 0.2)
    start = rng.uniform(0.03, seconds - period * (count - 1) - length - 0.03)
    hertz = {pitch: float(np.exp(rng.uniform(*np.log(HERTZ[pitch])))) for pitch in HERTZ}
    waveform = rng.standard_normal(int(seconds * rate)) * rng.uniform(0.0, 0.008)
    volume = rng.uniform(0.2, 0.8)
    samples = int(length * rate)
    for number, (sound, pitch) in enumerate(events):
        begin = int((start + number * period) * rate)
        event = EVENTS[sound](hertz[pitch], samples, rate, rng)
        waveform[begin : begin + samples] += volume * event * _fades(samples, rate)
    return np.clip(waveform, -1, 1).astype(np.float32)


def _fades(samples: int, rate: int) -> Waveform:
    """Rise within 2 ms and fall within 15 ms, so that an event begins sharply and ends without a click."""
    position = np.arange(samples) / rate
    return np.minimum(1.0, np.minimum((position + 1 / rate) / 0.002, position[::-1] / 0.015))


def write_wav(path: Path, sound: AudioContent, rng: np.random.Generator) -> None:
    """Write `sound` as 16-bit WAV: mostly 16 kHz mono, some in 44.1 kHz stereo as real files often are."""
    if rng.random() < 0.08:
        left = synthesize(sound, 44100, rng)
        balance = rng.uniform(0.5, 1.0)
        soundfile.write(path, np.stack([left, left * balance], axis=1), 44100, subtype="PCM_16")
    else:
        soundfile.write(path, synthesize(sound, 16000, rng), 16000, subtype="PCM_16")
