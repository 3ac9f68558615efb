"""The frozen encoders of one model: inside it, or in the folder that it names, and proved to be the same."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from macaw_cli.basics.errors import InputError
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.config.loading import Workspace
from macaw_cli.encoders.architectures import encoder_class
from macaw_cli.encoders.audio_encoder import cut_windows
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.loading import load_audio_encoder, load_image_encoder
from macaw_cli.encoders.selection import pool_frames
from macaw_cli.encoders.views import viewed
from macaw_cli.modalities.table import ENCODER_OF, TABLE, EncoderRole, Modality
from macaw_cli.shards.encoder_match import require_same_encoders


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
            found = self._loaded[role].fingerprint
            row = TABLE[modality]
            self._require_same(row.rendered_fingerprint(found) if row.is_image else found, modality)
            self._checked.add(modality)
        return self._loaded[role]

    def features(self, modality: Modality, medium: Any) -> np.ndarray:
        """Features of one decoded medium as training reads them: rounded to fp16, viewed, rounded again; fp32.

        Raises:
            InputError: a value is too large for fp16.
        """
        stored = self.before_view(modality, medium).half()
        if not stored.isfinite().all():
            raise InputError(
                f"The {modality} gives features beyond the range of fp16; feature extraction rejects it as well."
            )
        seen: np.ndarray = self._viewed(modality, medium, stored).float().cpu().numpy()
        return seen

    def encode(self, modality: Modality, medium: Any) -> Tensor:
        """Features of one decoded medium, made as those that the model was trained on, after its view.

        Args:
            modality: of the medium.
            medium: an image, a sequence of frames, or a waveform (samples,); without an encoder what the modality's
                decoder gives, (N, C) fp32.

        Returns:
            (tokens, channels), of a video (frames, tokens, channels); fp32.
        """
        return self._viewed(modality, medium, self.before_view(modality, medium))

    def _viewed(self, modality: Modality, medium: Any, features: Tensor) -> Tensor:
        seconds = len(medium) / (self.encoder("audio").sampling_rate or 1) if modality == "audio" else None
        return viewed(self._model.config.raw_view(modality), features, seconds)

    def before_view(self, modality: Modality, medium: Any) -> Tensor:
        """What the encoder makes of a medium, padding included; arguments as in `encode`."""
        if modality not in ENCODER_OF:
            self._require_same(TABLE[modality].fingerprint(), modality)
            return torch.from_numpy(medium).to(self._model.device)
        encoder, config = self.encoder(modality), self._model.config
        if TABLE[modality].is_image:
            return encoder.encode(encoder.prepare([medium]))[0]
        if modality == "video":
            return pool_frames(encoder.encode(encoder.prepare(list(medium))), config.pool_frames)
        windows = cut_windows(medium, encoder.processor, config.audio_windows)
        return torch.cat(list(encoder.encode(encoder.prepare(windows))))

    def _load(self, role: EncoderRole, modality: Modality) -> FrozenEncoder:
        expected = self._model.config.fingerprints.get(modality, {})
        settings = self._model.config.encoder_settings(modality)
        precision = self._precision or expected.get("precision", "fp32")
        return self._inside(role, settings, precision) or self._named(role, settings, precision)

    def _inside(self, role: EncoderRole, settings: EncoderSettings, precision: str) -> FrozenEncoder | None:
        inside = getattr(self._model, f"{role}_encoder")
        if inside is None:
            return None
        processor = self._processor.image_processor if role == "image" else self._processor.feature_extractor
        kind = encoder_class(f"{role}_encoder", inside.config.model_type)
        return kind(inside, processor, settings, self._model.device, precision)

    def _named(self, role: EncoderRole, settings: EncoderSettings, precision: str) -> FrozenEncoder:
        load = load_image_encoder if role == "image" else load_audio_encoder
        return load(settings, self._source(role, settings.model), self._model.device, precision)

    def _source(self, role: EncoderRole, name: str) -> str:
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

    def _from_settings(self, role: EncoderRole) -> Path | None:
        """The workspace's own encoder: after a move, the model's path may lead nowhere."""
        features = self._workspace.settings.features
        name = features.encoder_of(role).model
        return self._workspace.path(name) if name else None

    def _require_same(self, fingerprint: Mapping[str, Any], modality: Modality) -> None:
        """Compare the encoder, or the decoder where there is none, with the one of the training.

        The name is free: the same encoder may be called otherwise elsewhere. How many frames are taken and pooled, and
        how many windows are heard and whether padding is kept, and how long a series may be, is no matter of the
        encoder: it is read from the model.

        Raises:
            MismatchError: weights, settings or preprocessing differ.
        """
        expected = self._model.config.fingerprints.get(modality)
        if not expected:
            return
        free = {"model", "frames", "pool_frames", "audio_windows", "audio_padding"}
        free |= {"shape"} if TABLE[modality].sized else set()
        free |= {"precision"} if self._precision else set()
        found, trained = (
            {modality: {name: value for name, value in side.items() if name not in free}}
            for side in (fingerprint, expected)
        )
        name = f"the encoder {fingerprint.get('model') or 'found'}"
        require_same_encoders(found, trained, name, f"the model {self._folder}")
