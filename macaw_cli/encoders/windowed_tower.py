"""What the audio towers share that hear a whole window, and give as many tokens as audio is long."""

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.audio_encoder import AudioEncoder, long_enough, pooled_count, window_seconds
from macaw_cli.encoders.part_of_model import PartOfModel
from macaw_cli.encoders.pretrained import load_preprocessor
from macaw_cli.encoders.selection import Prepared
from macaw_cli.encoders.source import has_processor

_SEEN_BY_THE_MODEL = ("feature_size", "sampling_rate", "hop_length", "n_fft", "padding_value", "dither")


class WindowedTower(PartOfModel, AudioEncoder):
    """Waveforms to (tokens, hidden size), without the tokens of padding.

    A prepared audio file is its spectrogram of a whole window and, as one more row, where audio is: 1, else 0.
    """

    part, beginning = "audio_config", r"(?:model\.)?audio_tower\."

    @staticmethod
    @abstractmethod
    def window_steps(config: Any) -> int:
        """Spectrogram steps of one window."""

    @staticmethod
    @abstractmethod
    def positions(steps: int) -> int:
        """Tokens of so many spectrogram steps."""

    @classmethod
    def load_processor(cls, config: Any, source: str, settings: EncoderSettings) -> Any:
        """The folder's feature extractor; without one, Whisper's at the tower's length."""
        from transformers import WhisperFeatureExtractor

        if has_processor(source, settings.revision):
            return load_preprocessor(WhisperFeatureExtractor, source, settings.revision)
        own = WhisperFeatureExtractor(feature_size=config.num_mel_bins)
        seconds = cls.window_steps(config) * own.hop_length // own.sampling_rate
        return WhisperFeatureExtractor(feature_size=config.num_mel_bins, chunk_length=seconds)

    @staticmethod
    def prepared(processor: Any, media: list[Any]) -> Prepared:
        """Mono fp32 waveforms (samples,) as (n, mel bins + 1, steps)."""
        waveforms = [long_enough(medium, processor) for medium in media]
        made = processor(
            waveforms, sampling_rate=processor.sampling_rate, padding="max_length", return_attention_mask=True,
            return_tensors="pt",
        )  # fmt: skip
        heard = made["attention_mask"][:, None]
        return torch.cat([made["input_features"], heard.to(made["input_features"].dtype)], dim=1)

    @classmethod
    def token_count(cls, config: Any, settings: EncoderSettings, medium: Tensor) -> int:
        """Tokens of one prepared audio file."""
        return pooled_count(cls.positions(int(medium[-1].sum())), settings)

    def null_input(self) -> Prepared:
        """(1, mel bins + 1, steps): a whole window of zeros that counts as audio."""
        config: Any = self.model.config
        nothing = torch.zeros(1, config.num_mel_bins + 1, self.window_steps(config))
        nothing[:, -1] = 1
        return nothing

    def preprocessing(self) -> dict[str, Any]:
        """The spectrogram's settings, and how long one window is."""
        made = self.processor.to_dict()
        names = {name: made[name] for name in _SEEN_BY_THE_MODEL if made.get(name) is not None}
        return names | {"window_seconds": window_seconds(self.processor)}
