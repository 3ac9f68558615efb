"""From a folder or hub id to a frozen encoder, chosen by the architecture that its configuration names."""

from importlib import import_module
from typing import Any

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.audio_encoder import AudioEncoder
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.image_encoder import ImageEncoder
from macaw_cli.encoders.pretrained import model_config
from macaw_cli.encoders.source import quiet_transformers, short_name

ARCHITECTURES: dict[str, dict[str, str]] = {
    "image_encoder": {
        "clip": "macaw_cli.encoders.clip:ClipEncoder",
        "clip_vision_model": "macaw_cli.encoders.clip:ClipEncoder",
        "siglip": "macaw_cli.encoders.siglip:SiglipEncoder",
        "siglip_vision_model": "macaw_cli.encoders.siglip:SiglipEncoder",
        "siglip2": "macaw_cli.encoders.siglip2:Siglip2Encoder",
        "siglip2_vision_model": "macaw_cli.encoders.siglip2:Siglip2Encoder",
        "dinov2": "macaw_cli.encoders.dinov2:Dinov2Encoder",
        "dinov2_with_registers": "macaw_cli.encoders.dinov2:Dinov2Encoder",
    },
    "audio_encoder": {
        "whisper": "macaw_cli.encoders.whisper:WhisperAudioEncoder",
        "wav2vec2": "macaw_cli.encoders.wav2vec2:Wav2Vec2Encoder",
        "hubert": "macaw_cli.encoders.wav2vec2:Wav2Vec2Encoder",
        "wavlm": "macaw_cli.encoders.wav2vec2:Wav2Vec2Encoder",
        "wav2vec2-bert": "macaw_cli.encoders.wav2vec2_bert:Wav2Vec2BertEncoder",
    },
}
"""Settings section to `model_type` of a config.json to the class that serves it, imported on use."""

USUAL_ARCHITECTURES = {"image_encoder": "clip_vision_model", "audio_encoder": "whisper"}
"""Meant where a processor stands alone, without the encoder's configuration."""


def encoder_class(section: str, model_type: str) -> type[FrozenEncoder]:
    """The class behind a `model_type`.

    Raises:
        UsageError: the architecture is not known.
    """
    known = ARCHITECTURES[section]
    if model_type not in known:
        expected = f"one of the architectures {', '.join(known)}"
        raise UsageError(f"`features.{section}.model`: expected {expected}, found {model_type}.")
    module, _, name = known[model_type].partition(":")
    found: type[FrozenEncoder] = getattr(import_module(module), name)
    return found


def load_image_encoder(settings: EncoderSettings, source: str, device: Any, precision: str = "fp32") -> ImageEncoder:
    """Load the encoder of images and video frames.

    Args:
        settings: which of its outputs is the feature.
        source: folder or hub id; `settings.model` is not read.
        device: `auto`, `cpu`, `cuda` or a torch device.
        precision: `fp32`, `bf16` or `fp16`: the number format it computes in.

    Raises:
        UsageError: no encoder is named, one of an unknown architecture, or one that lacks what the settings ask for.
        InputError: the folder does not hold the encoder.
        MissingDependencyError: it must be downloaded, accepted or logged in for first.
        ResourceError: a GPU was asked for and there is none.
    """
    encoder: ImageEncoder = _load("image_encoder", settings, source, device, precision)
    return encoder


def load_audio_encoder(settings: EncoderSettings, source: str, device: Any, precision: str = "fp32") -> AudioEncoder:
    """Load the encoder of audio; arguments and errors as in `load_image_encoder`."""
    encoder: AudioEncoder = _load("audio_encoder", settings, source, device, precision)
    return encoder


def _load(section: str, settings: EncoderSettings, source: str, device: Any, precision: str) -> Any:
    config = model_config(source, settings.revision, section)
    kind = encoder_class(section, config.model_type)
    with quiet_transformers():
        encoder = kind.load(config, source, settings, device, precision)
    encoder.fingerprint["model"] = short_name(source)
    return encoder
