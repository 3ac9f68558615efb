"""From a media file to the features that the model was trained on: the right encoder, checked, and a cache."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.basics.file_names import on_disk
from macaw_cli.basics.fingerprints import sha256_file
from macaw_cli.inference.expert_texts import ModelExperts
from macaw_cli.inference.file_reading import FileReading, Reader, outcome_of
from macaw_cli.media.decoding import Decoded, Request, decode
from macaw_cli.media.kinds import meant_place
from macaw_cli.media.no_audio import NoAudio
from macaw_cli.media.video import decode_apart
from macaw_cli.modalities.table import ENCODER_OF, MODALITIES, TABLE, Modality
from macaw_cli.model.bridges.registry import soft_token_count
from macaw_cli.model.model_encoders import ModelEncoders

REMEMBERED = 64
"""Files whose features an attacher keeps."""


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
    pixels: tuple[int, int] | None = None
    """Width and height of an image or of a video's frames."""
    sha256: str = ""
    """Of the file, in hex."""
    text: str = ""
    """What experts say of it, where the model reads that."""
    fed: bool = True
    """Whether the model gets its features; else its text alone."""
    warning: str = ""
    """What is wrong with a medium that can be used."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the features."""
        return self.features.shape

    def as_json(self) -> dict[str, Any]:
        """The attachment as it stands in `macaw chat --json`."""
        duration = None if self.duration is None else round(self.duration, 6)
        known = {
            "pixels": self.pixels, "frames": self.frames, "frame_span_s": self.span, "heard_s": self.seconds,
            "duration_s": duration,
        }  # fmt: skip
        told = {name: value for name, value in known.items() if value is not None}
        texts = {name: text for name, text in (("text", self.text), ("warning", self.warning)) if text}
        return {"path": self.path, "modality": self.modality, "soft_tokens": self.soft_tokens, **told, **texts}


class Attacher:
    """Turns files into attachments for one model; equal files are encoded once, the newest ones remembered.

    Args:
        config: the model's configuration.
        encoders: the model's frozen encoders.
        experts: the experts whose texts the model reads; None where it reads none.

    Attributes:
        modalities: what can be attached: what the model is fed, and what experts tell it.
    """

    def __init__(self, config: Any, encoders: ModelEncoders, experts: ModelExperts | None = None) -> None:
        self._config, self._encoders, self._experts = config, encoders, experts
        described = experts.modalities if experts else frozenset()
        self.modalities = [name for name in MODALITIES if name in {*config.modalities, *described}]
        self._cache: dict[tuple[str, Modality], list[Attachment]] = {}

    def attach(self, path: Path, modality: Modality) -> list[Attachment]:
        """The medium in `path`; a video brings its soundtrack where it has one and the model can hear.

        Raises:
            InputError: no such file, not decodable, or a modality that the model was not trained on.
            MismatchError: the encoder found is not the one that the model was trained with.
        """
        path = medium_file(path, modality)
        self._require_trained(modality)
        key = (sha256_file(path), modality)
        found = self._cache.pop(key, None) or [replace(one, sha256=key[0]) for one in self._made(path, modality)]
        while len(self._cache) >= REMEMBERED:
            del self._cache[next(iter(self._cache))]  # the one that was asked for longest ago
        self._cache[key] = found
        return [replace(attachment, path=str(path)) for attachment in found]

    def load(self, modalities: Iterable[Modality]) -> None:
        """Load the encoders and experts of some modalities, so that what is wrong with one is told now.

        Raises:
            InputError: one is not found.
            MismatchError: one is not that of the training.
        """
        for name in dict.fromkeys(inner for one in modalities for inner in (one, *TABLE[one].contains)):
            if name in ENCODER_OF and name in self._config.modalities:
                self._encoders.encoder(name)
            if self._experts:
                self._experts.decodings(name)

    def decodings(self, path: Path, modality: Modality) -> list[Request]:
        """What has to be decoded of a file, for whoever decodes it elsewhere and gives the outcomes to `encode`.

        Raises:
            InputError: a modality that the model was not trained on, or an encoder or expert that is not found.
            MismatchError: one of them is not that of the training.
        """
        return self._reading(path, modality).requests

    def encode(self, path: Path, modality: Modality, decoded: Sequence[Decoded | NoAudio]) -> list[Attachment]:
        """The attachments of a file: what is fed, what experts tell, and what is both.

        Args:
            path: of the file.
            modality: of the file.
            decoded: for each of `decodings`, what came of it. A video without a soundtrack is still a video.

        Raises:
            InputError: it has nothing of the modality, or nothing that the model reads.
            MismatchError: an encoder or expert found is not that of the training.
        """
        fed: list[Attachment] = []
        said: dict[Reader, str] = {}
        for reader, outcome in self._reading(path, modality).read(decoded):
            expert, inner = reader
            if expert and self._experts:
                said[reader] = self._experts.text(reader, outcome)
            else:
                made = self._encoded(path, inner, outcome)
                fed += made if inner == modality else [replace(one, soundtrack=True) for one in made]
        texts = self._experts.together(said) if self._experts else {}
        told = [replace(one, text=texts.pop(one.modality, "")) for one in fed]
        alone = [
            Attachment(str(path), name, np.zeros((0, 0), np.float32), 0, name != modality, text=text, fed=False)
            for name, text in sorted(texts.items(), key=lambda one: one[0] != modality)
        ]  # fmt: skip
        return [*told, *alone]

    def _reading(self, path: Path, modality: Modality) -> FileReading:
        self._require_trained(modality)
        wanted: list[tuple[Reader, Request]] = []
        for name in (modality, *TABLE[modality].contains):
            if name in self._config.modalities:
                wanted.append((("", name), self._decoding(name)))
                break  # what is decoded of a video has its soundtrack
        wanted += self._experts.decodings(modality).items() if self._experts else ()
        return FileReading(path, modality, wanted)

    def _decoding(self, modality: Modality) -> Request:
        request: Request = {"modality": modality}
        if TABLE[modality].encoder is None:
            request["shape"] = list(TABLE[modality].shape_in(self._config.fingerprints.get(modality, {})))
        if modality == "video":
            request["frames"] = self._config.video_frames
        if modality == "audio" or ("audio" in TABLE[modality].contains and "audio" in self._config.modalities):
            encoder = self._encoders.encoder("audio")
            request["sampling_rate"] = encoder.sampling_rate or 16_000
            if encoder.max_seconds:
                request["max_seconds"] = encoder.max_seconds * self._config.audio_windows
        return request

    def _encoded(self, path: Path, modality: Modality, decoded: Decoded) -> list[Attachment]:
        """What is fed of a file, without texts."""
        meta, arrays = decoded
        if modality == "audio":
            return [self._audio(path, meta, arrays["audio"])]
        if modality == "video":
            return self._video(path, meta, arrays)
        medium = Image.fromarray(arrays[modality]) if TABLE[modality].is_image else arrays[modality]
        features = self._encoders.features(modality, medium)
        size = tuple(meta["size"]) if TABLE[modality].is_image else None
        return [replace(self._attachment(path, modality, features), pixels=size, warning=meta.get("warning", ""))]

    def _made(self, path: Path, modality: Modality) -> list[Attachment]:
        risky = TABLE[modality].encoder is None or TABLE[modality].feature_rank == 3  # may hang, crash or swell
        work = decode_apart if risky else decode
        return self.encode(path, modality, [outcome_of(partial(work, one)) for one in self.decodings(path, modality)])

    def _video(self, path: Path, meta: dict[str, Any], arrays: dict[str, np.ndarray]) -> list[Attachment]:
        frames, times = arrays["video"], meta["frame_times"]
        height, width = frames.shape[1:3]
        video = replace(
            self._attachment(path, "video", self._encoders.features("video", frames)), frames=len(frames),
            span=(times[0], times[-1]), pixels=(width, height),
        )  # fmt: skip
        if "audio" not in arrays:
            return [video]
        return [video, replace(self._audio(path, meta["audio"], arrays["audio"]), soundtrack=True)]

    def _audio(self, path: Path, meta: dict[str, Any], samples: np.ndarray) -> Attachment:
        attachment = self._attachment(path, "audio", self._encoders.features("audio", samples))
        seconds = len(samples) / (self._encoders.encoder("audio").sampling_rate or 16_000)
        duration = max(meta["duration"], seconds)
        return replace(attachment, seconds=seconds, duration=duration, warning=meta.get("warning", ""))

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
        if modality not in self.modalities:
            known = ", ".join(TABLE[name].plural for name in self.modalities) or "text only"
            problem = f"This model was not trained on {TABLE[modality].plural}; it knows {known}."
            raise InputError(problem, "Use another model.")


def medium_file(path: Path, modality: Modality | None = None) -> Path:
    """The file as the disk spells its name.

    Args:
        path: as the user wrote it.
        modality: that it is to have, for the message.

    Raises:
        InputError: there is no such file.
    """
    path = on_disk(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise InputError(f"The {modality or 'file'} {path} {what}.", meant_place(str(path)) or "Check the path.")
    return path
