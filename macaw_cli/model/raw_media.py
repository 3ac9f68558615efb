"""Raw media as the encoders inside a model take them, and how many features each will have."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.settings import Modality
from macaw_cli.encoders.audio_encoder import cut_windows
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.loading import encoder_class
from macaw_cli.encoders.selection import Prepared
from macaw_cli.model.configuration import ENCODER_OF, MacawConfig

RAW_INPUTS: dict[Modality, str] = {
    "image": "pixel_values", "video": "pixel_values_videos", "audio": "input_features"
}  # fmt: skip
"""Modality to the name of its raw input."""
_FIRST_ARCHITECTURES = {"image": "clip_vision_model", "audio": "whisper"}
"""Meant where a processor stands alone, without the encoder's configuration."""


def architecture(config: MacawConfig, modality: Modality) -> type[FrozenEncoder]:
    """The class of the encoder that makes the features of `modality`."""
    role, found = ENCODER_OF[modality], config.encoder_config(modality)
    return encoder_class(f"{role}_encoder", found.model_type if found is not None else _FIRST_ARCHITECTURES[role])


def stacked(media: Sequence[Tensor]) -> Prepared:
    """One tensor where all media have one shape, else a list."""
    return torch.stack(list(media)) if len({medium.shape for medium in media}) == 1 else list(media)


class RawMedia:
    """Prepares media for the encoders inside a model.

    Args:
        config: the model's configuration.
        image_processor: of the image encoder; None where there is none.
        feature_extractor: of the audio encoder; None where there is none.
    """

    def __init__(self, config: MacawConfig, image_processor: Any, feature_extractor: Any) -> None:
        self._config, self._image_processor, self._feature_extractor = config, image_processor, feature_extractor

    def prepare(self, modality: Modality, medium: Any) -> Tensor | list[Tensor]:
        """One medium.

        Args:
            modality: of the medium.
            medium: a PIL image or (H, W, 3) array, a list or array of frames, or a waveform (samples,).

        Returns:
            An image's pixels, a video's frames stacked, the window of a sound, or a list of windows where the model
            hears several.

        Raises:
            MismatchError: there is no encoder for it.
        """
        processor = self._feature_extractor if modality == "audio" else self._image_processor
        if processor is None:
            raise MismatchError(
                f"Raw {modality} input was given, but this model folder holds no encoder for it.",
                f"Give {modality}_features, or export the model with its encoders: macaw export.",
            )
        kind = architecture(self._config, modality)
        if modality == "image":
            return kind.prepared(processor, [medium])[0]
        if modality == "video":
            frames = kind.prepared(processor, list(medium))
            return frames if isinstance(frames, Tensor) else torch.stack(frames)
        most = self._config.audio_windows
        windows = list(kind.prepared(processor, cut_windows(np.asarray(medium), processor, most)))
        return windows if most > 1 else windows[0]

    def shape(self, modality: Modality, prepared: Tensor | list[Tensor]) -> tuple[int, ...]:
        """The shape that the features of a prepared medium will have."""
        usual = tuple(self._config.feature_shapes.get(modality, (0, 0)))
        if modality == "video":
            frames = min(len(prepared), self._config.pool_frames or len(prepared))
            return (frames, self._tokens(modality, prepared[0], usual), usual[-1])
        windows = prepared if isinstance(prepared, list) else [prepared]
        return (sum(self._tokens(modality, window, usual) for window in windows), usual[-1])

    def _tokens(self, modality: Modality, prepared: Tensor, usual: tuple[int, ...]) -> int:
        config, settings = self._config.encoder_config(modality), self._config.encoder_settings(modality)
        count = None if config is None else architecture(self._config, modality).token_count(config, settings, prepared)
        return usual[-2] if count is None else count

    @staticmethod
    def collated(modality: Modality, media: list[Any]) -> Any:
        """All media of a batch as the model's raw input."""
        return media if isinstance(media[0], list) else stacked(media)
