"""Settings of views: cheap operations on stored features, applied whenever features are read."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from macaw_cli.config.per_modality import Key, PerModality
from macaw_cli.modalities.entry import ModalityEntry
from macaw_cli.modalities.table import TABLE


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageView:
    """What is done to the features of an image, or of each frame of a video, in the order of these settings."""

    drop_cls: bool = False
    """Remove the class token; for features that were extracted with `cls: keep`."""
    pool: Annotated[int, Field(ge=1)] = 1
    """Mean over so many consecutive tokens."""
    layer_norm: bool = False
    """Layer normalization over the channels of each token, without parameters, computed in fp32."""
    stack: Annotated[int, Field(ge=1)] = 1
    """So many consecutive tokens become one with as many times the channels; the last one is filled with zeros."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AudioView:
    """What is done to the features of audio, in the order of these settings."""

    trim: bool = False
    """Remove the tokens beyond the length of the audio; for features that were extracted with `audio_padding: keep`."""
    pool: Annotated[int, Field(ge=1)] = 1
    """Mean over so many consecutive tokens."""
    layer_norm: bool = False
    """Layer normalization over the channels of each token, without parameters, computed in fp32."""
    stack: Annotated[int, Field(ge=1)] = 1
    """So many consecutive tokens become one with as many times the channels; the last one is filled with zeros."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainView:
    """What is done to features that no encoder of macaw has made, in the order of these settings."""

    pool: Annotated[int, Field(ge=1)] = 1
    """Mean over so many consecutive tokens."""
    layer_norm: bool = False
    """Layer normalization over the channels of each token, without parameters, computed in fp32."""
    stack: Annotated[int, Field(ge=1)] = 1
    """So many consecutive tokens become one with as many times the channels; the last one is filled with zeros."""


AnyView = ImageView | AudioView | PlainView


def view_class(modality: str) -> type[AnyView]:
    """The settings of a modality's view, which depend on who makes its features."""
    role = TABLE[modality].encoder
    if role is None:
        return PlainView
    return AudioView if role == "audio" else ImageView


def _key(row: ModalityEntry) -> Key:
    frames = ", applied to each frame" if row.feature_rank == 3 else ""
    return Key(view_class(row.name), view_class(row.name), f"View of {row.plural}{frames}.")


class ViewSettings(PerModality[AnyView], key=_key):
    """Operations on stored features, per modality; another view never needs another extraction."""

    @property
    def trims_audio(self) -> bool:
        """Whether tokens beyond the end of the audio are removed."""
        audio = self.of("audio")
        return isinstance(audio, AudioView) and audio.trim
