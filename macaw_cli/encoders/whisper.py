"""Whisper's encoder as a frozen encoder of sound."""

from typing import Any

import torch
from torch import Tensor

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.selection import audio_features
from macaw_cli.encoders.source import has_processor, load_weights

_SEEN_BY_THE_MODEL = ("feature_size", "sampling_rate", "hop_length", "chunk_length", "n_fft", "padding_value", "dither")
_STEPS_PER_POSITION = 2
"""The second convolution halves the number of spectrogram steps."""


class WhisperAudioEncoder(FrozenEncoder):
    """Waveforms to (positions, width) by the encoder half of a Whisper model."""

    @classmethod
    def load(
        cls, config: Any, source: str, settings: EncoderSettings, device: Any, precision: str
    ) -> "WhisperAudioEncoder":
        """Load the encoder alone from a whole Whisper's or an encoder's folder.

        Raises:
            InputError: the folder lacks the encoder's weights.
        """
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        prefix = {r"^(?:model\.)?encoder\.": ""}
        loaded = load_weights(WhisperEncoder, source, settings.revision, config=config, key_mapping=prefix)
        with torch.device("meta"):
            model = WhisperEncoder(config)  # without the renaming, which saving would try to turn back
        model.load_state_dict(loaded.state_dict(), assign=True)
        return cls(model, _extractor(config, source, settings.revision), settings, device, precision)

    @property
    def sampling_rate(self) -> int:  # type: ignore[override]
        """Samples per second that `prepare` expects."""
        return int(self.processor.sampling_rate)

    @property
    def max_seconds(self) -> float:  # type: ignore[override]
        """What is longer is cut there, what is shorter is filled with silence."""
        return float(self.processor.chunk_length)

    def prepare(self, media: list[Any]) -> Tensor:
        """Mono fp32 waveforms (samples,) as (n, mel bins, steps)."""
        made = self.processor(media, sampling_rate=self.sampling_rate, return_tensors="pt")
        prepared: Tensor = made["input_features"]
        return prepared

    def null_input(self) -> Tensor:
        """(1, mel bins, steps) zeros."""
        config: Any = self.model.config
        return torch.zeros(1, config.num_mel_bins, config.max_source_positions * _STEPS_PER_POSITION)

    def features(self, prepared: Tensor) -> Tensor:
        """See `selection.audio_features`."""
        return audio_features(self.model, prepared, self.settings)

    def preprocessing(self) -> dict[str, Any]:
        """The spectrogram's settings."""
        made = self.processor.to_dict()
        return {name: made[name] for name in _SEEN_BY_THE_MODEL if made.get(name) is not None}


def _extractor(config: Any, source: str, revision: str) -> Any:
    """The folder's feature extractor; without one, Whisper's own at the encoder's length."""
    from transformers import WhisperFeatureExtractor

    if has_processor(source, revision):
        return WhisperFeatureExtractor.from_pretrained(source, revision=revision or None)
    own = WhisperFeatureExtractor(feature_size=config.num_mel_bins)
    seconds = config.max_source_positions * _STEPS_PER_POSITION * own.hop_length / own.sampling_rate
    return WhisperFeatureExtractor(feature_size=config.num_mel_bins, chunk_length=int(seconds))
