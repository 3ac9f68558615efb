"""The audio tower of Qwen2-Audio: a Whisper encoder whose output is averaged in pairs."""

from typing import Any

import torch
from torch import Tensor

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.audio_encoder import AudioEncoder, long_enough, pooled_count, window_seconds
from macaw_cli.encoders.part_of_model import PartOfModel
from macaw_cli.encoders.pretrained import load_preprocessor
from macaw_cli.encoders.selection import Features, Prepared, audio_features, refuse, wanted_layers
from macaw_cli.encoders.source import has_processor

_SEEN_BY_THE_MODEL = ("feature_size", "sampling_rate", "hop_length", "n_fft", "padding_value", "dither")


class Qwen2AudioTower(PartOfModel, AudioEncoder):
    """Waveforms to (tokens, hidden size), one token per 40 ms: padding is neither attended to nor returned.

    A prepared audio file is its spectrogram of a whole window and, as one more row, where audio is: 1, else 0.
    """

    part, beginning = "audio_config", r"(?:model\.)?audio_tower\."

    @classmethod
    def module(cls, config: Any) -> Any:
        """`Qwen2AudioEncoder`."""
        from transformers import Qwen2AudioEncoder

        return Qwen2AudioEncoder

    @classmethod
    def load_processor(cls, config: Any, source: str, settings: EncoderSettings) -> Any:
        """The folder's feature extractor; without one, Whisper's at the tower's length."""
        from transformers import WhisperFeatureExtractor

        if has_processor(source, settings.revision):
            return load_preprocessor(WhisperFeatureExtractor, source, settings.revision)
        own = WhisperFeatureExtractor(feature_size=config.num_mel_bins)
        seconds = config.max_source_positions * 2 * own.hop_length // own.sampling_rate
        return WhisperFeatureExtractor(feature_size=config.num_mel_bins, chunk_length=seconds)

    @classmethod
    def check(cls, config: Any, settings: EncoderSettings) -> None:
        """Refuse settings that this architecture cannot fulfil.

        Raises:
            UsageError: naming the setting.
        """
        super().check(config, settings)
        if wanted_layers(settings) != (-1,):
            refuse(cls.section, "layer", "-1, because pairs are averaged after the last layer", settings.layer)

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
    def select(cls, model: Any, prepared: Prepared, settings: EncoderSettings) -> Features:
        """The output of the tower, each audio file with its own number of tokens."""
        from transformers.masking_utils import create_bidirectional_mask

        inputs = prepared if isinstance(prepared, Tensor) else torch.stack(prepared)
        steps = inputs[:, -1].sum(-1).long()
        positions = torch.arange(model.config.max_source_positions, device=inputs.device)
        heard = positions < ((steps - 1) // 2 + 1)[:, None]  # the second convolution halves the steps
        like = inputs.new_empty(len(inputs), len(positions), 1)
        mask = create_bidirectional_mask(config=model.config, inputs_embeds=like, attention_mask=heard.long())
        output = model(inputs[:, :-1], attention_mask=mask).last_hidden_state
        counts = [cls.positions(int(count)) for count in steps.tolist()]
        tokens = (one[None, :count] for one, count in zip(output, counts, strict=True))
        return [audio_features([one], None, settings)[0] for one in tokens]

    @staticmethod
    def positions(steps: int) -> int:
        """Tokens of so many spectrogram steps: halved by the second convolution, and again by the average."""
        return ((steps - 1) // 2 - 1) // 2 + 1

    @classmethod
    def token_count(cls, config: Any, settings: EncoderSettings, medium: Tensor) -> int:
        """Tokens of one prepared audio file."""
        return pooled_count(cls.positions(int(medium[-1].sum())), settings)

    def null_input(self) -> Prepared:
        """(1, mel bins + 1, steps): a whole window of zeros that counts as audio."""
        config: Any = self.model.config
        nothing = torch.zeros(1, config.num_mel_bins + 1, config.max_source_positions * 2)
        nothing[:, -1] = 1
        return nothing

    def preprocessing(self) -> dict[str, Any]:
        """The spectrogram's settings, and how long one window is."""
        made = self.processor.to_dict()
        names = {name: made[name] for name in _SEEN_BY_THE_MODEL if made.get(name) is not None}
        return names | {"window_seconds": window_seconds(self.processor)}
