"""Whisper's encoder, of any size."""

from typing import Any

import torch
from torch import nn

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.audio_encoder import AudioEncoder, pooled_count
from macaw_cli.encoders.pretrained import load_preprocessor, load_weights
from macaw_cli.encoders.selection import Features, Prepared, audio_features
from macaw_cli.encoders.source import has_processor

_SEEN_BY_THE_MODEL = ("feature_size", "sampling_rate", "hop_length", "chunk_length", "n_fft", "padding_value", "dither")
_STEPS_PER_POSITION = 2
"""The second convolution halves the number of spectrogram steps."""


class WhisperAudioEncoder(AudioEncoder):
    """Waveforms to (positions, hidden size) by the encoder half of a Whisper model; silence fills what is shorter."""

    @classmethod
    def module(cls, config: Any) -> Any:
        """`WhisperEncoder`."""
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        return WhisperEncoder

    @classmethod
    def load_module(cls, config: Any, source: str, revision: str) -> nn.Module:
        """The encoder alone, from a whole Whisper's or an encoder's folder."""
        kind = cls.module(config)
        loaded = load_weights(kind, source, revision, config=config, key_mapping={r"^(?:model\.)?encoder\.": ""})
        with torch.device("meta"):
            model: nn.Module = kind(config)  # without the renaming, which saving would try to turn back
        model.load_state_dict(loaded.state_dict(), assign=True)
        return model

    @classmethod
    def load_processor(cls, config: Any, source: str, settings: EncoderSettings) -> Any:
        """The folder's feature extractor; without one, Whisper's own at the encoder's length."""
        from transformers import WhisperFeatureExtractor

        if has_processor(source, settings.revision):
            return load_preprocessor(WhisperFeatureExtractor, source, settings.revision)
        own = WhisperFeatureExtractor(feature_size=config.num_mel_bins)
        seconds = config.max_source_positions * _STEPS_PER_POSITION * own.hop_length / own.sampling_rate
        return WhisperFeatureExtractor(feature_size=config.num_mel_bins, chunk_length=int(seconds))

    @staticmethod
    def prepared(processor: Any, media: list[Any]) -> Prepared:
        """Mono fp32 waveforms (samples,) as (n, mel bins, steps)."""
        made: torch.Tensor = processor(media, sampling_rate=processor.sampling_rate, return_tensors="pt")[
            "input_features"
        ]
        return made

    @staticmethod
    def select(model: Any, prepared: Prepared, settings: EncoderSettings) -> Features:
        """See `selection.audio_features`: the last layer comes after the final layer norm, as the decoder sees it."""
        wanted = {"output_hidden_states": True} if settings.layer != -1 else {}
        output = model(prepared, **wanted)
        states = output.hidden_states if wanted else (output.last_hidden_state,)
        return audio_features(states, model.layer_norm, settings)

    @staticmethod
    def token_count(config: Any, settings: EncoderSettings, medium: torch.Tensor) -> int:
        """Positions of one window, or what they are pooled to; as many for every layer."""
        return pooled_count(medium.shape[-1] // _STEPS_PER_POSITION, settings)

    def null_input(self) -> Prepared:
        """(1, mel bins, steps) zeros."""
        config: Any = self.model.config
        return torch.zeros(1, config.num_mel_bins, config.max_source_positions * _STEPS_PER_POSITION)

    def preprocessing(self) -> dict[str, Any]:
        """The spectrogram's settings."""
        made = self.processor.to_dict()
        return {name: made[name] for name in _SEEN_BY_THE_MODEL if made.get(name) is not None}
