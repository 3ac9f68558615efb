"""From a folder or hub id to a frozen encoder, chosen by the architecture that its configuration names."""

from typing import Any

from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.architectures import encoder_class
from macaw_cli.encoders.audio_encoder import AudioEncoder
from macaw_cli.encoders.image_encoder import ImageEncoder
from macaw_cli.encoders.inside_model import is_macaw_model, load_inside
from macaw_cli.encoders.pretrained import model_config
from macaw_cli.encoders.source import quiet_transformers, short_name


def load_image_encoder(settings: EncoderSettings, source: str, device: Any, precision: str = "fp32") -> ImageEncoder:
    """Load the encoder of images and video frames.

    Args:
        settings: which of its outputs is the feature.
        source: folder or hub id, also of a model of macaw with the encoder inside; `settings.model` is not read.
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
    with quiet_transformers():
        if is_macaw_model(source):
            encoder = load_inside(section, settings, source, device, precision)
        else:
            config = model_config(source, settings.revision, section)
            kind = encoder_class(section, config.model_type)
            encoder = kind.load(config, source, settings, device, precision)
    encoder.fingerprint["model"] = short_name(source)
    return encoder
