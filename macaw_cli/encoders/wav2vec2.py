"""wav2vec 2.0 and the models built like it: HuBERT and WavLM."""

from typing import Any

import numpy as np
import torch

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.audio_encoder import long_enough
from macaw_cli.encoders.pretrained import load_preprocessor
from macaw_cli.encoders.selection import Prepared, refuse
from macaw_cli.encoders.source import has_processor
from macaw_cli.encoders.speech_encoder import SpeechEncoder

_CLASSES = {"wav2vec2": "Wav2Vec2Model", "hubert": "HubertModel", "wavlm": "WavLMModel"}


class Wav2Vec2Encoder(SpeechEncoder):
    """Waveforms to (tokens, hidden size), one token per 20 ms in the published sizes."""

    @classmethod
    def module(cls, config: Any) -> Any:
        """The class of transformers for this model type."""
        import transformers

        return getattr(transformers, _CLASSES[config.model_type])

    @classmethod
    def load_processor(cls, config: Any, source: str, settings: EncoderSettings) -> Any:
        """The folder's feature extractor, or one that normalises where the model was trained that way."""
        from transformers import Wav2Vec2FeatureExtractor

        if has_processor(source, settings.revision):
            return load_preprocessor(Wav2Vec2FeatureExtractor, source, settings.revision)
        return Wav2Vec2FeatureExtractor()

    @classmethod
    def check(cls, config: Any, settings: EncoderSettings) -> None:
        """Refuse a final norm where the architecture has none, and what is about images."""
        super().check(config, settings)
        if settings.post_layernorm and not config.do_stable_layer_norm:
            expected = f"false, because this {config.model_type} has no layer norm after its last layer"
            refuse(cls.section, "post_layernorm", expected, "true")

    @staticmethod
    def prepared(processor: Any, media: list[Any]) -> Prepared:
        """Mono fp32 waveforms (samples,), each normalised by itself."""
        rate = processor.sampling_rate
        prepared = [processor(long_enough(one, processor), sampling_rate=rate)["input_values"][0] for one in media]
        return [torch.from_numpy(np.require(waveform, np.float32, "W")) for waveform in prepared]

    @staticmethod
    def final_norm(model: Any) -> Any:
        """The encoder's, in the variant with stable layer norm."""
        return model.encoder.layer_norm if model.config.do_stable_layer_norm else None

    @staticmethod
    def positions(config: Any, length: int) -> int:
        """What the strided convolutions leave of so many samples."""
        for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
            length = (length - kernel) // stride + 1
        return length

    def null_input(self) -> Prepared:
        """One window of zeros."""
        return [torch.zeros(round(self.max_seconds * self.sampling_rate))]
