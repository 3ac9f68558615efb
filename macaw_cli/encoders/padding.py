"""Which tokens of an audio file lie within its length, for encoders that pad audio to a fixed window."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from macaw_cli.basics.errors import MismatchError

_STEPS_PER_POSITION = 2
"""Whisper's second convolution halves the number of spectrogram steps."""


@dataclass(frozen=True, slots=True)
class WindowLayout:
    """How the tokens of a padded audio file are laid out: window after window, and in each window layer after layer.

    Attributes:
        positions: tokens of one layer in one window.
        layers: hidden states whose tokens stand one after another.
        samples: audio samples of one window.
        sampling_rate: audio samples per second.
    """

    positions: int
    layers: int
    samples: int
    sampling_rate: int

    def heard(self, tokens: int, seconds: float) -> list[int]:
        """Positions within the audio, per window: ceil(seconds x tokens per second), at least 1 in each.

        Args:
            tokens: of the whole audio, all windows and layers.
            seconds: length of the audio; what goes beyond the last window was not encoded.

        Raises:
            MismatchError: `tokens` do not fill whole windows.
        """
        windows, rest = divmod(tokens, self.layers * self.positions)
        if rest or not windows:
            raise MismatchError(
                f"Audio has {tokens} tokens, which is not a multiple of the encoder's {self.layers * self.positions} "
                "per window.",
                "Extract the features again.",
            )
        # counted in samples: seconds x tokens per second in floating point may come out just above a whole number
        ends = [round(seconds * self.sampling_rate) - window * self.samples for window in range(windows)]
        counts = [-(-end * self.positions // self.samples) for end in ends]
        return [min(max(count, 1), self.positions) for count in counts]

    def slices(self, tokens: int, seconds: float) -> list[slice]:
        """The tokens within the audio, in order; arguments and errors as in `heard`."""
        kept: list[slice] = []
        for window, count in enumerate(self.heard(tokens, seconds)):
            for layer in range(self.layers):
                start = (window * self.layers + layer) * self.positions
                if kept and kept[-1].stop == start:
                    start = kept.pop().start
                kept.append(slice(start, (window * self.layers + layer) * self.positions + count))
        return kept


def window_layout(fingerprint: Mapping[str, Any]) -> WindowLayout | None:
    """The layout of an audio encoder's features; None for one whose number of tokens follows the length of the audio.

    Args:
        fingerprint: of the encoder or of its features; `audio_padding` is not read.
    """
    preprocessing = fingerprint.get("preprocessing", {})
    if "chunk_length" not in preprocessing:
        return None
    samples = preprocessing["chunk_length"] * preprocessing["sampling_rate"]
    positions = samples // preprocessing["hop_length"] // _STEPS_PER_POSITION
    if pool := fingerprint.get("pool"):
        positions = 1 if pool == "mean" else min(int(pool), positions)
    layer = fingerprint.get("layer", -1)
    layers = 1 if isinstance(layer, int) else len(layer)
    return WindowLayout(positions, layers, samples, preprocessing["sampling_rate"])
