"""From a folder or hub id to a frozen encoder, chosen by the architecture that its configuration names."""

from typing import Any

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.source import model_config, quiet_transformers, short_name


def load_image_encoder(settings: EncoderSettings, source: str, device: Any, precision: str = "fp32") -> FrozenEncoder:
    """Load the encoder of images and video frames.

    Args:
        settings: which of its outputs is the feature.
        source: folder or hub id; `settings.model` is not read.
        device: `auto`, `cpu`, `cuda` or a torch device.
        precision: `fp32`, `bf16` or `fp16`: the number format it computes in.

    Raises:
        UsageError: no encoder is named, or one of an unknown architecture.
        InputError: the folder does not hold the encoder.
        MissingDependencyError: it must be downloaded, accepted or logged in for first.
        ResourceError: a GPU was asked for and there is none.
    """
    from macaw_cli.encoders.clip import ClipEncoder

    kinds = {"clip": ClipEncoder, "clip_vision_model": ClipEncoder}
    return _load(kinds, "image_encoder", settings, source, (device, precision))


def load_audio_encoder(settings: EncoderSettings, source: str, device: Any, precision: str = "fp32") -> FrozenEncoder:
    """Load the encoder of sound; arguments and errors as in `load_image_encoder`."""
    from macaw_cli.encoders.whisper import WhisperAudioEncoder

    return _load({"whisper": WhisperAudioEncoder}, "audio_encoder", settings, source, (device, precision))


def _load(
    kinds: dict[str, Any], section: str, settings: EncoderSettings, source: str, where: tuple[Any, str]
) -> FrozenEncoder:
    config = model_config(source, settings.revision, section)
    kind = kinds.get(config.model_type)
    if kind is None:
        known = ", ".join(kinds)
        found = config.model_type
        raise UsageError(f"`features.{section}.model`: expected one of the architectures {known}, found {found}.")
    with quiet_transformers():
        encoder: FrozenEncoder = kind.load(config, source, settings, *where)
    encoder.fingerprint["model"] = short_name(source)
    return encoder
