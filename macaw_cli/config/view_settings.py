"""Settings of views: cheap operations on stored features, applied whenever features are read."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


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
class ViewSettings:
    """Operations on stored features, per modality; another view never needs another extraction."""

    image: ImageView = ImageView()
    """View of images."""
    audio: AudioView = AudioView()
    """View of audio files and soundtracks."""
    video: ImageView = ImageView()
    """View of videos, applied to each frame."""


def view_class(modality: str) -> type[AudioView | ImageView]:
    """The settings of a modality's view."""
    return type(getattr(ViewSettings(), modality))
