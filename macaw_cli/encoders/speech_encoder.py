"""What the encoders share that give an audio file as many tokens as it is long: no padding is ever heard."""

from abc import abstractmethod
from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.audio_encoder import SHORTEST_SECONDS, AudioEncoder, pooled_count, window_seconds
from macaw_cli.encoders.pretrained import load_weights
from macaw_cli.encoders.selection import Features, Prepared, audio_features


class SpeechEncoder(AudioEncoder):
    """Waveforms to (tokens, hidden size), each with its own number of tokens.

    A feature never depends on the batch it was in: only audio of equal length goes through the model together, as some
    of these models normalise over time and hear padding.
    """

    @classmethod
    def own_config(cls, config: Any) -> Any:
        """Without what only training and decoders need: random masking and the adapter behind the last layer."""
        config.mask_time_prob = config.mask_feature_prob = 0.0
        config.add_adapter = False
        return config

    @classmethod
    def load_module(cls, config: Any, source: str, revision: str) -> nn.Module:
        """The encoder alone, from its own folder or that of a model with a head."""
        loaded: nn.Module = load_weights(cls.module(config), source, revision, config=config)
        return loaded

    @staticmethod
    @abstractmethod
    def final_norm(model: Any) -> Any:
        """The layer norm behind the last layer; None where there is none."""

    @classmethod
    def select(cls, model: Any, prepared: Prepared, settings: EncoderSettings) -> Features:
        """See `selection.audio_features`: the last layer is the model's output, through its final norm if any."""
        by_length = defaultdict(list)
        for place, waveform in enumerate(prepared):
            by_length[len(waveform)].append(place)
        features: list[Tensor] = [torch.empty(0)] * len(prepared)
        wanted = {"output_hidden_states": True} if settings.layer != -1 else {}
        for places in by_length.values():
            output = model(torch.stack([prepared[place] for place in places]), **wanted)
            states = (*output.hidden_states[:-1], output.last_hidden_state) if wanted else (output.last_hidden_state,)
            chosen = audio_features(states, cls.final_norm(model), settings)
            for place, tokens in zip(places, chosen, strict=True):
                features[place] = tokens
        return features

    @classmethod
    def token_count(cls, config: Any, settings: EncoderSettings, medium: Tensor) -> int:
        """Tokens of one prepared audio file; as many for every layer."""
        return pooled_count(cls.positions(config, len(medium)), settings)

    @staticmethod
    @abstractmethod
    def positions(config: Any, length: int) -> int:
        """Positions that the model makes of a prepared audio file of this length."""

    def preprocessing(self) -> dict[str, Any]:
        """The extractor's settings, and how long one window is."""
        made = self.processor.to_dict()
        names = ("feature_extractor_type", "sampling_rate", "do_normalize", "feature_size", "num_mel_bins", "stride")
        limits = {"window_seconds": window_seconds(self.processor), "shortest_seconds": SHORTEST_SECONDS}
        return {name: made[name] for name in names if made.get(name) is not None} | limits
