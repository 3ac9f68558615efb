"""From a media file to the features that the model was trained on: the right encoder, checked, and a cache."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.basics.file_names import on_disk
from macaw_cli.basics.fingerprints import sha256_file
from macaw_cli.media.audio import decode_audio
from macaw_cli.media.decoding import decode
from macaw_cli.media.images import load_image
from macaw_cli.media.video import has_soundtrack, load_frames
from macaw_cli.modalities.table import ENCODER_OF, Modality
from macaw_cli.model.bridges.registry import soft_token_count
from macaw_cli.model.model_encoders import ModelEncoders


@dataclass(frozen=True)
class Attachment:
    """One medium of a conversation, as the model takes it."""

    path: str
    """The path as the user typed it."""
    modality: Modality
    features: np.ndarray
    """(tokens, channels), of a video (frames, tokens, channels); fp32 values that fp16 holds, as stored ones are."""
    soft_tokens: int
    soundtrack: bool = False
    """Whether it is the audio of a video."""
    frames: int | None = None
    seconds: float | None = None
    """Length of the audio that the encoder heard."""
    duration: float | None = None
    """Length of the whole audio, in seconds."""
    span: tuple[float, float] | None = None
    """Times of the first and the last frame of a video, in seconds."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the features."""
        return self.features.shape

    def as_json(self) -> dict[str, Any]:
        """The attachment as it stands in `macaw chat --json`."""
        duration = None if self.duration is None else round(self.duration, 6)
        known = {"frames": self.frames, "frame_span_s": self.span, "heard_s": self.seconds, "duration_s": duration}
        told = {name: value for name, value in known.items() if value is not None}
        return {"path": self.path, "modality": self.modality, "soft_tokens": self.soft_tokens, **told}


class Attacher:
    """Turns files into attachments for one model; equal files are encoded once.

    Args:
        config: the model's configuration.
        encoders: the model's frozen encoders.
    """

    def __init__(self, config: Any, encoders: ModelEncoders) -> None:
        self._config, self._encoders = config, encoders
        self._cache: dict[tuple[str, Modality], list[Attachment]] = {}

    def attach(self, path: Path, modality: Modality) -> list[Attachment]:
        """The medium in `path`; a video brings its soundtrack where it has one and the model can hear.

        Raises:
            InputError: no such file, not decodable, or a modality that the model was not trained on.
            MismatchError: the encoder found is not the one that the model was trained with.
        """
        path = on_disk(path)
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            raise InputError(f"The {modality} {path} {what}.", "Check the path.")
        self._require_trained(modality)
        key = (sha256_file(path), modality)
        if key not in self._cache:
            self._cache[key] = self._encode(path, modality)
        return [replace(attachment, path=str(path)) for attachment in self._cache[key]]

    def _encode(self, path: Path, modality: Modality) -> list[Attachment]:
        if modality not in ENCODER_OF:
            _, arrays = decode({"path": str(path), "modality": modality})
            return [self._attachment(path, modality, self._encoders.features(modality, arrays[modality]))]
        if modality == "image":
            return [self._attachment(path, "image", self._encoders.features("image", load_image(path)))]
        if modality == "audio":
            return [self._audio(path)]
        frames, times = load_frames(path, self._config.video_frames)
        features = self._encoders.features("video", frames)
        video = replace(self._attachment(path, "video", features), frames=len(frames), span=(times[0], times[-1]))
        if "audio" in self._config.modalities and has_soundtrack(path):
            return [video, replace(self._audio(path), soundtrack=True)]
        return [video]

    def _audio(self, path: Path) -> Attachment:
        encoder = self._encoders.encoder("audio")
        rate = encoder.sampling_rate or 16_000
        heard = encoder.max_seconds * self._config.audio_windows if encoder.max_seconds else None
        decoded = decode_audio(path, rate, end=heard)
        samples = decoded.samples
        attachment = self._attachment(path, "audio", self._encoders.features("audio", samples))
        seconds = len(samples) / rate
        return replace(attachment, seconds=seconds, duration=max(decoded.duration or 0.0, seconds))

    def _attachment(self, path: Path, modality: Modality, features: np.ndarray) -> Attachment:
        expected = tuple(self._config.feature_shapes[modality])
        if features.shape[-1] != expected[-1]:  # tokens may vary: audio files differ in length, images in proportions
            raise MismatchError(
                f"The model expects {modality} features of shape {expected}, but its encoder gives {features.shape}.",
                "The model folder names a different encoder than the one used in training. Correct it.",
            )
        count = soft_token_count(self._config, modality, features.shape)
        return Attachment(str(path), modality, features, count)

    def _require_trained(self, modality: Modality) -> None:
        if modality not in self._config.modalities:
            known = ", ".join(self._config.modalities) or "text only"
            raise InputError(f"This model was not trained on {modality}; it knows {known}.", "Use another model.")
