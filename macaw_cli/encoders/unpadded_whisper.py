"""Whisper's encoder as Ultravox uses it: on audio of its own length, without the silence that fills a window.

The weights are Whisper's. A `model_type` of its own keeps such an encoder apart from Whisper, which always hears 30 s.
"""

from collections import defaultdict
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import AutoConfig, WhisperConfig

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.audio_encoder import long_enough, pooled_count, window_seconds
from macaw_cli.encoders.selection import Features, Prepared, audio_features
from macaw_cli.encoders.whisper import WhisperAudioEncoder


class UnpaddedWhisperConfig(WhisperConfig):  # type: ignore[misc]
    """Whisper's, under another name."""

    model_type = "unpadded_whisper"


AutoConfig.register("unpadded_whisper", UnpaddedWhisperConfig, exist_ok=True)


class UnpaddedWhisperEncoder(WhisperAudioEncoder):
    """Waveforms to (tokens, hidden size), one token per 20 ms; a prepared audio file is its spectrogram."""

    @staticmethod
    def prepared(processor: Any, media: list[Any]) -> Prepared:
        """Mono fp32 waveforms (samples,) as one (mel bins, steps) each, a step per hop that has begun."""
        return [
            processor(
                long_enough(medium, processor), sampling_rate=processor.sampling_rate, padding="longest",
                pad_to_multiple_of=processor.hop_length, return_tensors="pt",
            )["input_features"][0]
            for medium in media
        ]  # fmt: skip

    @classmethod
    def select(cls, model: Any, prepared: Prepared, settings: EncoderSettings) -> Features:
        """See `selection.audio_features`; audio of equal length goes through the model together."""
        by_length = defaultdict(list)
        for place, medium in enumerate(prepared):
            by_length[medium.shape[-1]].append(place)
        features: list[Tensor] = [torch.empty(0)] * len(prepared)
        for places in by_length.values():
            states = _hidden_states(model, torch.stack([prepared[place] for place in places]))
            for place, tokens in zip(places, audio_features(states, model.layer_norm, settings), strict=True):
                features[place] = tokens
        return features

    @staticmethod
    def token_count(config: Any, settings: EncoderSettings, medium: Tensor) -> int:
        """Half as many as there are steps, rounded up; as many for every layer."""
        return pooled_count((medium.shape[-1] + 1) // 2, settings)

    def preprocessing(self) -> dict[str, Any]:
        """The spectrogram's settings, and how long one window is at most."""
        made = super().preprocessing()
        made.pop("chunk_length", None)
        return made | {"window_seconds": window_seconds(self.processor)}


def _hidden_states(model: Any, inputs: Tensor) -> list[Tensor]:
    """What `WhisperEncoder` computes of (n, mel bins, steps), but of any number of steps up to its own."""
    hidden = F.gelu(model.conv2(F.gelu(model.conv1(inputs)))).transpose(1, 2)
    hidden = hidden + model.embed_positions.weight[: hidden.shape[1]]
    states = [hidden]
    for layer in model.layers:
        hidden = layer(hidden, None)
        states.append(hidden)
    return [*states[:-1], model.layer_norm(states[-1])]
