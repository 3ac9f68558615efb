"""Raw media as the encoders inside a model take them, and how many features each will have."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from macaw_cli.basics.errors import MismatchError
from macaw_cli.encoders.architectures import USUAL_ARCHITECTURES, encoder_class
from macaw_cli.encoders.audio_encoder import cut_windows
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.selection import Prepared
from macaw_cli.encoders.views import viewed, viewed_shape
from macaw_cli.modalities.table import ENCODER_OF, TABLE, Modality
from macaw_cli.model.configuration import MacawConfig

RAW_INPUTS: dict[Modality, str] = {name: row.raw_keyword for name, row in TABLE.items() if row.raw_keyword}
"""Modality to the name of its raw input, where an encoder can be inside the model."""
LENGTHS = "audio_lengths"
"""Name of the input that says how many samples each raw audio has: its prepared form no longer tells."""
ANSWERS = "answers"
"""Name of the input that says where answers stand, for bridges that read the instruction."""


def architecture(config: MacawConfig, modality: Modality) -> type[FrozenEncoder]:
    """The class of the encoder that makes the features of `modality`."""
    section, found = f"{ENCODER_OF[modality]}_encoder", config.encoder_config(modality)
    return encoder_class(section, found.model_type if found is not None else USUAL_ARCHITECTURES[section])


def stacked(media: Sequence[Tensor]) -> Prepared:
    """One tensor where all media have one shape, else a list."""
    return torch.stack(list(media)) if len({medium.shape for medium in media}) == 1 else list(media)


@dataclass(frozen=True)
class PreparedMedium:
    """One medium as an encoder inside a model takes it."""

    inputs: Tensor | list[Tensor]
    """An image's pixels, a video's frames stacked, one window of audio, or a list of windows where the model hears
    several; of a modality without an encoder its features, after the model's view."""
    samples: int = 0
    """The length of an audio file."""


class RawMedia:
    """Prepares media for the encoders inside a model.

    Args:
        config: the model's configuration.
        image_processor: of the image encoder; None where there is none.
        feature_extractor: of the audio encoder; None where there is none.
    """

    def __init__(self, config: MacawConfig, image_processor: Any, feature_extractor: Any) -> None:
        self._config, self._image_processor, self._feature_extractor = config, image_processor, feature_extractor

    def prepare(self, modality: Modality, medium: Any) -> PreparedMedium:
        """One medium.

        Args:
            modality: of the medium.
            medium: a PIL image or (H, W, 3) array, a list or array of frames, or a waveform (samples,); of a modality
                without an encoder what its decoder gives, (N, C).

        Raises:
            MismatchError: there is no encoder for it.
        """
        if modality not in ENCODER_OF:
            features = torch.as_tensor(np.asarray(medium), dtype=torch.float32)
            return PreparedMedium(viewed(self._config.raw_view(modality), features))
        processor = self._feature_extractor if modality == "audio" else self._image_processor
        if processor is None:
            raise MismatchError(
                f"Raw {modality} input was given, but this model folder holds no encoder for it.",
                f"Give {modality}_features, or export the model with its encoders: macaw export.",
            )
        kind = architecture(self._config, modality)
        if TABLE[modality].is_image:
            return PreparedMedium(kind.prepared(processor, [medium])[0])
        if modality == "video":
            frames = kind.prepared(processor, list(medium))
            return PreparedMedium(frames if isinstance(frames, Tensor) else torch.stack(frames))
        most = self._config.audio_windows
        waveform = np.asarray(medium)
        windows = list(kind.prepared(processor, cut_windows(waveform, processor, most)))
        return PreparedMedium(windows if most > 1 else windows[0], len(waveform))

    def shape(self, modality: Modality, prepared: PreparedMedium) -> tuple[int, ...]:
        """The shape that the features of a prepared medium will have, after the model's view."""
        if modality not in ENCODER_OF:
            return tuple(prepared.inputs.shape)  # type: ignore[union-attr]
        usual, view = tuple(self._config.feature_shapes.get(modality, (0, 0))), self._config.raw_view(modality)
        inputs = prepared.inputs
        parts = inputs if isinstance(inputs, list) else [inputs[0] if modality == "video" else inputs]
        counts = [self._tokens(modality, part) for part in parts]
        frames = (min(len(inputs), self._config.pool_frames or len(inputs)),) if modality == "video" else ()
        known = [count for count in counts if count is not None]
        if not known:  # the usual one is what the view makes of the usual number of tokens
            return (*frames, *usual[-2:])
        seconds = prepared.samples / self._feature_extractor.sampling_rate if modality == "audio" else None
        return viewed_shape(view, (*frames, sum(known), usual[-1] // view.stack), seconds)

    def _tokens(self, modality: Modality, prepared: Tensor) -> int | None:
        """Tokens of one image or window, before the view; None where every medium has as many."""
        config, settings = self._config.encoder_config(modality), self._config.encoder_settings(modality)
        return None if config is None else architecture(self._config, modality).token_count(config, settings, prepared)

    def collated(self, modality: Modality, media: Sequence[PreparedMedium]) -> dict[str, Any]:
        """All media of a batch as inputs of the model, by name."""
        parts = [medium.inputs for medium in media]
        if modality not in ENCODER_OF:
            return {TABLE[modality].features_keyword: parts}
        data: dict[str, Any] = {RAW_INPUTS[modality]: parts if isinstance(parts[0], list) else stacked(parts)}  # type: ignore[arg-type]
        if self._config.raw_view(modality).needs_seconds:
            data[LENGTHS] = torch.tensor([medium.samples for medium in media])
        return data
