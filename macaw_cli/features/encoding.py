"""The two encoders of a store: which media they need, what they ask the decoders for, and batches of features."""

from typing import Any

import numpy as np
import torch

from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Modality
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.loading import load_audio_encoder, load_image_encoder
from macaw_cli.media.decoding import Request


class Encoders:
    """The encoder of images and films, and the one of sound and soundtracks; either may be absent.

    Attributes:
        fingerprints: one per modality that these encoders serve.
    """

    def __init__(self, image: FrozenEncoder | None, audio: FrozenEncoder | None, frames: int) -> None:
        self.image, self.audio, self.frames = image, audio, frames
        self.fingerprints: dict[Modality, dict[str, Any]] = {}
        if image:
            self.fingerprints["image"] = image.fingerprint
            self.fingerprints["video"] = {**image.fingerprint, "frames": frames}
        if audio:
            self.fingerprints["audio"] = audio.fingerprint

    def outputs(self, modality: Modality) -> tuple[Modality, ...]:
        """What is made of a medium of this modality: of a film its soundtrack as well, where sound is understood."""
        return ("video", "audio") if modality == "video" and self.audio else (modality,)

    def shape(self, modality: Modality) -> tuple[int, ...]:
        """(tokens, channels), for video (frames, tokens, channels)."""
        if modality == "video":
            return (self.frames, *_present(self.image).feature_shape)
        return _present(self.audio if modality == "audio" else self.image).feature_shape

    def item_bytes(self, modality: Modality) -> int:
        """Bytes that one medium takes in a shard, the tar's padding and the JSON included."""
        return 2 * int(np.prod(self.shape(modality))) + 3072

    def request(self, file: str, modality: Modality, outputs: Any, clip: tuple[float | None, float | None]) -> Request:
        """What a decoder must do with a file so that `encode` can take its arrays."""
        hears = self.audio if "audio" in outputs else None
        rate, longest = (hears.sampling_rate, hears.max_seconds) if hears else (None, None)
        return {
            "path": file, "modality": modality, "start": clip[0], "end": clip[1], "frames": self.frames,
            "geometry": self.image.geometry if self.image else None, "pictures": "video" in outputs,
            "sampling_rate": rate, "max_seconds": longest,
        }  # fmt: skip

    def encode(self, modality: Modality, arrays: list[np.ndarray], batch: int) -> np.ndarray:
        """Features of decoded media.

        Args:
            modality: of all of them.
            arrays: images (H, W, 3), films (frames, H, W, 3) or waveforms (samples,).
            batch: inputs per encoder call at most; frames count one each.

        Returns:
            fp16, one more dimension than `shape`; a value that fp16 cannot hold has become infinite.
        """
        if modality == "audio":
            return self._in_batches(_present(self.audio), arrays, batch)
        if modality == "image":
            return self._in_batches(_present(self.image), arrays, batch)
        frames = [frame for film in arrays for frame in film]
        features = self._in_batches(_present(self.image), frames, batch)
        return features.reshape(len(arrays), self.frames, *features.shape[1:])

    def null(self, modality: Modality) -> np.ndarray:
        """fp16 features of an all-zero input, shaped like those of one medium."""
        encoder = _present(self.audio if modality == "audio" else self.image)
        features = _stored(encoder.encode(encoder.null_input()))[0]
        return np.broadcast_to(features, self.shape(modality))

    def _in_batches(self, encoder: FrozenEncoder, arrays: list[np.ndarray], batch: int) -> np.ndarray:
        parts = [arrays[first : first + batch] for first in range(0, len(arrays), batch)]
        return np.concatenate([_stored(encoder.encode(_prepared(encoder, part))) for part in parts])


def load_encoders(workspace: Workspace, modalities: set[Modality]) -> Encoders:
    """Load the encoders that media of these modalities need.

    Raises:
        UsageError: one is needed and not set.
        InputError: one cannot be loaded.
    """
    settings = workspace.settings.features
    image = audio = None
    where = settings.device, settings.precision
    if modalities & {"image", "video"}:
        image = load_image_encoder(
            settings.image_encoder, workspace.model_source(settings.image_encoder.model), *where
        )
    if "audio" in modalities or ("video" in modalities and settings.audio_encoder.model):
        audio = load_audio_encoder(
            settings.audio_encoder, workspace.model_source(settings.audio_encoder.model), *where
        )
    return Encoders(image, audio, settings.frames)


def _prepared(encoder: FrozenEncoder, arrays: list[np.ndarray]) -> torch.Tensor:
    if encoder.sampling_rate is not None:
        return encoder.prepare(arrays)
    if encoder.geometry is not None:
        return encoder.prepare_fitted(np.stack(arrays))
    from PIL import Image

    return encoder.prepare([Image.fromarray(array) for array in arrays])


def _stored(features: torch.Tensor) -> np.ndarray:
    halves: np.ndarray = features.half().cpu().numpy()
    return halves


def _present(encoder: FrozenEncoder | None) -> FrozenEncoder:
    assert encoder is not None, "loaded for the modalities of the listing"
    return encoder
