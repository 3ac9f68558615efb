"""w2v-BERT 2.0, SeamlessM4T's speech encoder."""

from typing import Any

import torch

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.audio_encoder import long_enough
from macaw_cli.encoders.pretrained import load_preprocessor
from macaw_cli.encoders.selection import Prepared, refuse
from macaw_cli.encoders.source import has_processor
from macaw_cli.encoders.speech_encoder import SpeechEncoder


class Wav2Vec2BertEncoder(SpeechEncoder):
    """Waveforms to (tokens, hidden size), one token per 20 ms.

    A prepared audio file is (steps, filter banks of two frames).
    """

    @classmethod
    def module(cls, config: Any) -> Any:
        """`Wav2Vec2BertModel`."""
        from transformers import Wav2Vec2BertModel

        return Wav2Vec2BertModel

    @classmethod
    def load_processor(cls, config: Any, source: str, settings: EncoderSettings) -> Any:
        """The folder's feature extractor, or SeamlessM4T's as it comes."""
        from transformers import SeamlessM4TFeatureExtractor

        if has_processor(source, settings.revision):
            return load_preprocessor(SeamlessM4TFeatureExtractor, source, settings.revision)
        return SeamlessM4TFeatureExtractor()

    @classmethod
    def check(cls, config: Any, settings: EncoderSettings) -> None:
        """Refuse a final norm, which the architecture lacks, and what is about images."""
        super().check(config, settings)
        if settings.post_layernorm:
            refuse(cls.section, "post_layernorm", "false, because w2v-BERT has no norm after its last layer", "true")

    @staticmethod
    def prepared(processor: Any, media: list[Any]) -> Prepared:
        """Mono fp32 waveforms (samples,), each as its steps; a step that holds padding is masked there, and dropped."""
        waveforms = []
        for waveform in media:
            heard = long_enough(waveform, processor)
            made = processor(heard, sampling_rate=processor.sampling_rate, return_tensors="pt")
            waveforms.append(made["input_features"][0][made["attention_mask"][0].bool()])
        return waveforms

    @staticmethod
    def final_norm(model: Any) -> Any:
        """None: every block ends in its own."""
        return None

    @staticmethod
    def positions(config: Any, length: int) -> int:
        """One per step."""
        return length

    def null_input(self) -> Prepared:
        """As many steps of zeros as one window of audio has."""
        config: Any = self.model.config
        frames = 1 + (round(self.max_seconds * self.sampling_rate) - 400) // 160  # 25 ms every 10 ms
        return [torch.zeros(frames // self.processor.stride, config.feature_projection_input_dim)]
