"""The encoders of a store: which media they need, what they ask the decoders for, and batches of features.

A modality without an encoder goes the same way; its features come from the decoder.
"""

from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.loading import Workspace
from macaw_cli.encoders.audio_encoder import AudioEncoder, cut_windows
from macaw_cli.encoders.frozen import FrozenEncoder, computed_precision
from macaw_cli.encoders.image_encoder import ImageEncoder
from macaw_cli.encoders.loading import load_audio_encoder, load_image_encoder
from macaw_cli.encoders.padding import window_layout
from macaw_cli.encoders.selection import Features, pool_frames
from macaw_cli.encoders.views import trimmed
from macaw_cli.features.encoder_batches import halved, in_batches, regrouped
from macaw_cli.media.decoding import Request
from macaw_cli.modalities.table import ENCODER_OF, TABLE, Modality

FeatureArrays = np.ndarray | list[np.ndarray]
"""fp16 features, one item per medium: an array where all have one shape, else a list."""
_BESIDE = 3072
"""Bytes of a sample that are no features: the tar's headers and padding, and the JSON."""
_Encoder = TypeVar("_Encoder", bound=FrozenEncoder)


class Encoders:
    """The encoder of images and videos, and the one of audio and soundtracks; either may be absent.

    Args:
        image: encoder of images and frames.
        audio: encoder of audio.
        frames: taken of a video.
        pool_frames: stored of a video; None stores all that are taken.
        audio_windows: windows of the audio encoder's length that are heard of an audio file at most.
        drop_padding: whether tokens beyond the audio's length are left out, where the audio encoder pads audio files.
        video_decoder: who decodes videos, `pyav` or `decord`.
        shapes: of features that decoders read themselves, see `FeatureSettings.shapes`.

    Attributes:
        fingerprints: one per modality that these encoders serve.
    """

    def __init__(
        self, image: ImageEncoder | None, audio: AudioEncoder | None, frames: int, *,
        pool_frames: int | None = None, audio_windows: int = 1, drop_padding: bool = False,
        video_decoder: str = "pyav", shapes: Mapping[Modality, tuple[int, int]] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self.image, self.audio, self.frames = image, audio, frames
        self.pool_frames, self.audio_windows, self._video_decoder = pool_frames, audio_windows, video_decoder
        decoded = {name: row.feature_shape for name, row in TABLE.items() if row.feature_shape is not None}
        self._shapes = decoded | dict(shapes)
        self.fingerprints: dict[Modality, dict[str, Any]] = {
            name: TABLE[name].fingerprint(shape) for name, shape in self._shapes.items()
        }
        if image:
            pooled = {} if pool_frames is None else {"pool_frames": pool_frames}
            self.fingerprints["video"] = {**image.fingerprint, "frames": frames, **pooled}
            self.fingerprints |= {
                name: row.rendered_fingerprint(image.fingerprint) for name, row in TABLE.items() if row.is_image
            }
        if audio:
            windows = {} if audio_windows == 1 else {"audio_windows": audio_windows}
            self._layout = window_layout(audio.fingerprint) if drop_padding else None
            dropped = {"audio_padding": "drop"} if self._layout else {}  # absent is `keep`: as in older stores
            self.fingerprints["audio"] = {**audio.fingerprint, **windows, **dropped}

    def outputs(self, modality: Modality) -> tuple[Modality, ...]:
        """What is made of a medium of this modality: of a video its soundtrack as well, where audio is understood."""
        return (modality, *(name for name in TABLE[modality].contains if name in self.fingerprints))

    def shape(self, modality: Modality) -> tuple[int, ...]:
        """(tokens, channels), for video (frames, tokens, channels); the largest where media differ in tokens."""
        if modality in self._shapes:
            return self._shapes[modality]
        if modality == "video":
            return (self.pool_frames or self.frames, *_present(self.image).feature_shape)
        if TABLE[modality].is_image:
            return _present(self.image).feature_shape
        tokens, channels = _present(self.audio).feature_shape
        return tokens * self.audio_windows, channels

    def item_bytes(self, modality: Modality) -> int:
        """Bytes that one medium takes in a shard at most, the tar's padding and the JSON included."""
        return 2 * int(np.prod(self.shape(modality))) + _BESIDE

    def least_bytes(self, modality: Modality) -> int:
        """Bytes that one medium takes at least: of an audio file one window, or next to nothing where lengths vary."""
        if modality in self._shapes:
            return _BESIDE
        if modality != "audio":
            return self.item_bytes(modality)
        return _BESIDE if self._layout is not None else self.item_bytes(modality) // self.audio_windows

    @staticmethod
    def stored_bytes(features: FeatureArrays) -> int:
        """Bytes that these features, one item per medium, take in a shard."""
        return sum(feature.nbytes + _BESIDE for feature in features)

    def request(self, file: str, modality: Modality, outputs: Any, clip: tuple[float | None, float | None]) -> Request:
        """What a decoder must do with a file so that `encode` can take its arrays."""
        hears = self.audio if "audio" in outputs else None
        rate, longest = (hears.sampling_rate, hears.max_seconds * self.audio_windows) if hears else (None, None)
        shape = {"shape": list(self._shapes[modality])} if modality in self._shapes else {}
        return {
            **shape,  # type: ignore[typeddict-item]
            "path": file, "modality": modality, "start": clip[0], "end": clip[1], "frames": self.frames,
            "geometry": self.image.geometry if self.image else None, "with_video": "video" in outputs,
            "sampling_rate": rate, "max_seconds": longest, "decoder": self._video_decoder,
        }  # fmt: skip

    def encode(self, modality: Modality, arrays: list[np.ndarray], batch: int) -> FeatureArrays:
        """Features of decoded media.

        Args:
            modality: of all of them.
            arrays: images (H, W, 3), videos (frames, H, W, 3) or waveforms (samples,); else the features (N, C).
            batch: inputs per encoder call at most; frames and windows count one each.

        Returns:
            fp16, one item per medium, of `shape` or with fewer tokens; a value that fp16 cannot hold has become
            infinite.
        """
        return fetched(self.start(modality, arrays, batch))

    def start(self, modality: Modality, arrays: list[np.ndarray], batch: int) -> Features:
        """As `encode`, on the device, where a GPU may still be computing them; `fetched` waits for it."""
        if modality not in ENCODER_OF:
            return halved([torch.from_numpy(array) for array in arrays])
        if TABLE[modality].is_image:
            return halved(in_batches(_present(self.image), arrays, batch))
        if modality == "video":
            frames = in_batches(_present(self.image), [frame for video in arrays for frame in video], batch)
            videos = regrouped(frames, [len(video) for video in arrays])
            return halved([pool_frames(video, self.pool_frames) for video in videos])
        encoder = _present(self.audio)
        windows = [cut_windows(waveform, encoder.processor, self.audio_windows) for waveform in arrays]
        heard = in_batches(encoder, list(chain(*windows)), batch)
        features = [torch.cat(parts) for parts in regrouped(heard, [len(each) for each in windows])]
        if self._layout is not None:
            lengths = [self._seconds(waveform) for waveform in arrays]
            features = [trimmed(self._layout, *pair) for pair in zip(features, lengths, strict=True)]
        return halved(features)

    def about(self, modality: Modality, array: np.ndarray) -> dict[str, Any]:
        """What a sample's JSON tells of a decoded medium: of an audio file, how many seconds the encoder was given."""
        return {"seconds": round(self._seconds(array), 6)} if modality == "audio" else {}

    def _seconds(self, waveform: np.ndarray) -> float:
        return len(waveform) / _present(self.audio).sampling_rate

    def null(self, modality: Modality) -> np.ndarray:
        """fp16 features of an all-zero input, shaped like those of one medium; where lengths vary, a short one."""
        if modality in self._shapes:
            return np.zeros((1, self._shapes[modality][1]), np.float16)
        encoder = _present(self.audio if modality == "audio" else self.image)
        features = encoder.encode(encoder.null_input())[0].half().cpu().numpy()
        frames = self.pool_frames or self.frames
        return np.broadcast_to(features, (frames, *features.shape)) if modality == "video" else features


def fetched(features: Features) -> FeatureArrays:
    """What `Encoders.start` returned, in the CPU's memory."""
    if isinstance(features, Tensor):
        together: np.ndarray = features.cpu().numpy()
        return together
    return [medium.cpu().numpy() for medium in features]


def load_encoders(workspace: Workspace, modalities: set[Modality]) -> Encoders:
    """Load the encoders that media of these modalities need.

    Raises:
        UsageError: one is needed and not set, or its architecture lacks what the settings ask for.
        InputError: one cannot be loaded.
    """
    settings = workspace.settings.features
    if settings.pool_frames is not None and settings.pool_frames > settings.frames:
        raise UsageError(
            f"`features.pool_frames`: expected at most {settings.frames} (features.frames),"
            f" found {settings.pool_frames}."
        )
    image = audio = None
    where = settings.device, computed_precision(settings.precision, settings.device)
    roles = {ENCODER_OF[modality] for modality in modalities if modality in ENCODER_OF}
    if "image" in roles:
        image = load_image_encoder(
            settings.image_encoder, workspace.model_source(settings.image_encoder.model), *where
        )
    if "audio" in roles or ("video" in modalities and settings.audio_encoder.model):
        audio = load_audio_encoder(
            settings.audio_encoder, workspace.model_source(settings.audio_encoder.model), *where
        )
    return Encoders(
        image, audio, settings.frames, pool_frames=settings.pool_frames, audio_windows=settings.audio_windows,
        drop_padding=settings.audio_padding == "drop", video_decoder=settings.video_decoder, shapes=settings.shapes(),
    )  # fmt: skip


def _present(encoder: _Encoder | None) -> _Encoder:
    assert encoder is not None, "loaded for the modalities of the listing"
    return encoder
