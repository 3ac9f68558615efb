"""The frozen encoders of one model: inside it, or in the folder that it names, and proved to be the same."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.basics.errors import InputError
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Modality
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.loading import load_audio_encoder, load_image_encoder
from macaw_cli.model.configuration import ENCODER_OF
from macaw_cli.shards.same_encoders import require_same_encoders


class ModelEncoders:
    """Loads each encoder when it is first needed.

    Args:
        model: a Macaw model; encoders inside it are used first.
        processor: its processor.
        folder: the model folder, from which the paths of encoders are meant.
        workspace: where an encoder is looked for next.
        precision: number format to compute in; None is that of the features that the model was trained on.
    """

    def __init__(
        self, model: Any, processor: Any, folder: Path, workspace: Workspace, precision: str | None = None
    ) -> None:
        self._model, self._processor, self._folder, self._workspace = model, processor, folder, workspace
        self._precision = precision
        self._loaded: dict[str, FrozenEncoder] = {}
        self._checked: set[Modality] = set()

    def encoder(self, modality: Modality) -> FrozenEncoder:
        """The encoder that makes the features of `modality`.

        Raises:
            InputError: the model names none, or it is not where the model says.
            MismatchError: it has other weights or settings than the one the model was trained with.
        """
        role = ENCODER_OF[modality]
        if role not in self._loaded:
            self._loaded[role] = self._load(role, modality)
        if modality not in self._checked:
            self._require_same(self._loaded[role], modality)
            self._checked.add(modality)
        return self._loaded[role]

    def features(self, modality: Modality, media: Sequence[Any]) -> np.ndarray:
        """Features of decoded media, rounded to fp16 as stored ones are: (n, tokens, channels), fp32.

        Raises:
            InputError: a value is too large for fp16.
        """
        encoder = self.encoder(modality)
        stored = encoder.encode(encoder.prepare(list(media))).half().float()
        if not stored.isfinite().all():
            raise InputError(f"The {modality} gives features that fp16 cannot hold, as extraction says too.")
        encoded: np.ndarray = stored.cpu().numpy()
        return encoded

    def _load(self, role: str, modality: Modality) -> FrozenEncoder:
        expected = self._model.config.fingerprints.get(modality, {})
        settings = self._model.config.encoder_settings(modality)
        precision = self._precision or expected.get("precision", "fp32")
        return self._inside(role, settings, precision) or self._named(role, settings, precision)

    def _inside(self, role: str, settings: EncoderSettings, precision: str) -> FrozenEncoder | None:
        inside = getattr(self._model, f"{role}_encoder")
        if inside is None:
            return None
        from macaw_cli.encoders.clip import ClipEncoder
        from macaw_cli.encoders.whisper import WhisperAudioEncoder

        if role == "image":
            return ClipEncoder(inside, self._processor.image_processor, settings, self._model.device, precision)
        return WhisperAudioEncoder(inside, self._processor.feature_extractor, settings, self._model.device, precision)

    def _named(self, role: str, settings: EncoderSettings, precision: str) -> FrozenEncoder:
        load = load_image_encoder if role == "image" else load_audio_encoder
        return load(settings, self._source(role, settings.model), self._model.device, precision)

    def _source(self, role: str, name: str) -> str:
        """Where the encoder is: relative to the model folder, or to the workspace, or on the hub."""
        if not name:
            raise InputError(
                f"The model {self._folder} names no {role} encoder.",
                f"Add its folder or hub id to config.json, under encoders.{role}.model.",
            )
        for folder in (self._folder / name, self._workspace.path(name), self._from_settings(role)):
            if folder is not None and (folder / "config.json").is_file():
                return str(folder)
        if name.startswith((".", "/", "~")) or name.count("/") > 1:
            raise InputError(
                f"The {role} encoder of {self._folder} is not at {self._folder / name}.",
                f"Put it back, or correct encoders.{role}.model in {self._folder / 'config.json'}.",
            )
        return name

    def _from_settings(self, role: str) -> Path | None:
        """The workspace's own encoder: after a move, the model's path may lead nowhere."""
        features = self._workspace.settings.features
        name = (features.image_encoder if role == "image" else features.audio_encoder).model
        return self._workspace.path(name) if name else None

    def _require_same(self, encoder: FrozenEncoder, modality: Modality) -> None:
        """Compare the encoder with the one of the training.

        The name is free: the same encoder may be called otherwise elsewhere. The number of frames is no matter of the
        encoder: the shape of a video's features fixes it.

        Raises:
            MismatchError: weights, settings or preprocessing differ.
        """
        expected = self._model.config.fingerprints.get(modality)
        if not expected:
            return
        free = {"model", "frames"} | ({"precision"} if self._precision else set())
        found, trained = (
            {modality: {name: value for name, value in side.items() if name not in free}}
            for side in (encoder.fingerprint, expected)
        )
        name = f"the encoder {encoder.fingerprint.get('model') or 'found'}"
        require_same_encoders(found, trained, name, f"the model {self._folder}")
